package resolve_test

import (
	"os"
	"testing"

	"github.com/pmcheck/pmcheck/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
