package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wrongConfiguration is a file for a GitHub and a public address that do not answer.
func wrongConfiguration(t *testing.T) string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"app.yml": "app_id: 1\nprivate_key_file: k\nwebhook_secret_file: s\ngithub_url: http://127.0.0.1:1\nurl: http://127.0.0.1:1\ndata: " + dir + "\n",
		"k":       string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})), "s": "MY-WEBHOOK-SECRET",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "app.yml")
}

func TestDoctor(t *testing.T) {
	config := wrongConfiguration(t)
	out, err := runCommand(t, doctorCommand(), "--config", config)
	if !errors.Is(err, errFindings) {
		t.Errorf("the error is %v", err)
	}
	for _, want := range []string{"ok       configuration: ", "unasked  github: 127.0.0.1:1 does not answer", "\n         see that this machine may reach it", "wrong    public address: http://127.0.0.1:1/healthz does not answer"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "MY-") || strings.Contains(out, "PRIVATE KEY") {
		t.Errorf("a secret is printed:\n%s", out)
	}

	out, err = runCommand(t, doctorCommand(), "--config", config, "--format", "json")
	var said struct {
		Version  int
		Status   string
		Findings []struct{ Check, Status, Message, Remedy string }
	}
	if json.Unmarshal([]byte(out), &said) != nil || !errors.Is(err, errFindings) || said.Version != 1 || said.Status != "wrong" || len(said.Findings) < 4 || said.Findings[0].Check != "configuration" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDoctorWrongUse(t *testing.T) {
	for _, args := range [][]string{{"--config", "/absent"}, {"--format", "xml"}} {
		_, err := runCommand(t, doctorCommand(), args...)
		var usage *usageError
		if !errors.As(err, &usage) {
			t.Errorf("%v: the error is %v", args, err)
		}
	}
}
