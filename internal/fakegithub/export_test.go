package fakegithub

// Routes are the routes of the API, as "GET /app".
func Routes() []string {
	var out []string
	for _, r := range routes {
		out = append(out, r.method+" "+r.template)
	}
	return out
}
