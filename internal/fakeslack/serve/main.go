// Command serve is a Slack workspace to try pmcheck on: it prints the environment variables that lead there, then what is
// said and done in it, and ends on interrupt.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/pmcheck/pmcheck/checks/report"
	"github.com/pmcheck/pmcheck/internal/fakeslack"
)

func main() {
	scopes := flag.String("scopes", strings.Join(fakeslack.AllScopes, ","), "the scopes of the bot's token, with commas between them")
	restricted := flag.Bool("restricted", false, "members may not make channels")
	flag.Parse()
	server := fakeslack.New()
	defer server.Close()
	server.Set(func(s *fakeslack.Server) {
		s.Scopes, s.Restricted = strings.Split(*scopes, ","), *restricted
		s.Users = []fakeslack.User{
			{ID: "U0ALICE01", Email: "alice@acme.example", RealName: "Alice Archer"},
			{ID: "U0BOB0001", Email: "bob@acme.example", RealName: "Bob Baker"},
		}
		s.Groups = []fakeslack.Group{{ID: "S0ONCALL1", Handle: "db-oncall", Members: []string{"U0BOB0001"}}}
		s.Fault = func(_ http.ResponseWriter, r *http.Request, method string, _ int) bool {
			line := method
			for _, name := range []string{"name", "channel", "users", "topic", "text"} {
				if value := r.Form.Get(name); value != "" {
					line += " " + name + "=" + value
				}
			}
			fmt.Fprintln(os.Stderr, report.Printable(line))
			return false
		}
	})
	fmt.Printf("export SLACK_API_URL=%s\nexport SLACK_BOT_TOKEN=%s\nexport SLACK_HOOK=%s\n", server.Address(), fakeslack.Token, server.Webhook())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
}
