package setup

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// certificateFiles are a certificate for a name, and its key.
func certificateFiles(t *testing.T, name string, from, to time.Time) (certificate, key string) {
	block, _ := pem.Decode(testAppKey())
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public().(*rsa.PublicKey), private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	for path, content := range map[string][]byte{certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key: testAppKey()} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

func TestDoctorReadsTheCertificate(t *testing.T) {
	day := 24 * time.Hour
	for name, test := range map[string]struct {
		host     string
		from, to time.Duration // from now
		status   Status
		want     string
	}{
		"good":             {"pmcheck.example.com", -day, 90 * day, OK, "valid until 2026-06-01"},
		"ends soon":        {"pmcheck.example.com", -day, 3 * day, Warning, "ends on 2026-03-06"},
		"ended":            {"pmcheck.example.com", -90 * day, -day, Wrong, "ended on 2026-03-02"},
		"not yet":          {"pmcheck.example.com", day, 90 * day, Wrong, "valid only from 2026-03-04"},
		"of somebody else": {"www.example.com", -day, 90 * day, Wrong, "pmcheck.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			c := healthy(t)
			c.config.URL = &url.URL{Scheme: "https", Host: "pmcheck.example.com"}
			c.config.TLSCertificate, c.config.TLSKey = certificateFiles(t, test.host, testNow.Add(test.from), testNow.Add(test.to))
			x := &examination{Doctor: Doctor{Now: func() time.Time { return testNow }}, config: c.config}
			var found []Finding
			x.Report = func(f Finding) { found = append(found, f) }
			x.certificate()
			if len(found) != 1 || found[0].Status != test.status || !strings.Contains(found[0].Message, test.want) {
				t.Errorf("%+v", found)
			}
		})
	}
	c := healthy(t)
	c.config.TLSCertificate, c.config.TLSKey = "/absent", "/absent"
	found, _ := c.examine(t.Context())
	if !slices.ContainsFunc(found, func(f Finding) bool { return f.Check == "certificate" && f.Status == Wrong }) {
		t.Errorf("%+v", found)
	}
}

// The certificate of the public address is verified as GitHub verifies it.
func TestDoctorVerifiesThePublicCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	public, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := healthy(t)
	c.config.URL = public
	c.delivered()
	found, worst := c.examine(t.Context())
	if worst != Wrong || !slices.ContainsFunc(found, func(f Finding) bool {
		return f.Check == "public address" && f.Status == Wrong && strings.Contains(f.Remedy, "a certificate that GitHub can verify")
	}) {
		t.Errorf("%+v", found)
	}

	trusted := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer trusted.Close()
	if c.config.URL, err = url.Parse(trusted.URL); err != nil {
		t.Fatal(err)
	}
	c.client = trusted.Client()
	found, _ = c.examine(t.Context())
	if !slices.ContainsFunc(found, func(f Finding) bool { return f.Check == "public certificate" && f.Status == OK }) {
		t.Errorf("%+v", found)
	}
}
