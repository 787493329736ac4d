// Package outgoing has what the clients of other services' APIs share: where a token may be sent, and how they wait.
package outgoing

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Local tells that a host's name or address is this machine's own.
func Local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// MayCarryToken tells that nobody on the way reads what is sent to an address: it is https, or this machine's own.
func MayCarryToken(u *url.URL) bool {
	return u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && Local(u.Hostname()))
}

// NoRedirect is for http.Client.CheckRedirect: a token goes to the address that was named and nowhere else.
func NoRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Sleep waits for d, or until ctx ends, and then returns why it did.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
