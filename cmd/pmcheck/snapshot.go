package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/livedb"
	"github.com/pmcheck/pmcheck/checks/report"
	"github.com/pmcheck/pmcheck/checks/snapshot"
)

// databaseURLVariable holds the URL where no flag does: a flag is seen by everybody who lists the machine's processes.
const databaseURLVariable = "PMCHECK_DATABASE_URL"

func snapshotCommand(now func() time.Time) *cobra.Command {
	var url, output string
	c := &cobra.Command{
		Use:   "snapshot",
		Short: "Ask a live database for what a check can use: sizes, queries, schema, migrations that have run",
		Long: `Ask a running PostgreSQL server (12 to 18), in a read-only transaction, for its schema,
the size of each table, the queries that it is sent (pg_stat_statements), and which
migrations it has run; and write that to a file, to be committed or kept as an artifact.

The file holds no rows and no literals. What the role may not see is left out, and said.
docs/live-database.md says what is in it, and which grants are needed.`,
		Example: `  PMCHECK_DATABASE_URL=postgres://pmcheck@db.internal/orders pmcheck snapshot
  pmcheck snapshot --database-url "$URL" -o snapshot.json
  pmcheck snapshot -o - | jq '.tables[] | select(.rows > 1000000)'`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if url == "" {
				url = os.Getenv(databaseURLVariable)
			}
			if url == "" {
				return usagef("which database? Set %s, or give --database-url (others on this machine can read the flags of a process)", databaseURLVariable)
			}
			s, err := livedb.Snapshot(c.Context(), url, now())
			if err != nil {
				return databaseError(err)
			}
			for _, what := range s.LeftOut {
				fmt.Fprintf(c.ErrOrStderr(), "pmcheck: left out %s\n", report.Printable(what))
			}
			if output == "-" {
				_, err := c.OutOrStdout().Write(s.Encode())
				return err
			}
			if err := replaceFile(output, s.Encode()); err != nil {
				return fmt.Errorf("write the snapshot: %w", err)
			}
			fmt.Fprintf(c.ErrOrStderr(), "pmcheck: wrote %s: %d tables, %d queries of database %s (PostgreSQL %s)\n",
				report.Printable(output), len(s.Tables), len(s.Queries), report.Printable(s.Database), report.Printable(s.ServerVersion))
			return nil
		},
	}
	c.Flags().StringVar(&url, "database-url", "", "the database's URL (default: "+databaseURLVariable+")")
	c.Flags().StringVarP(&output, "output", "o", filepath.FromSlash(snapshot.Path), "the file to write; - is standard output")
	return c
}

// databaseError is the caller's mistake where the URL cannot be read.
func databaseError(err error) error {
	var e *livedb.Error
	if errors.As(err, &e) && e.URL {
		return fmt.Errorf("%w: %w", checks.ErrUse, err)
	}
	return err
}

// replaceFile writes a file as a whole or not at all.
func replaceFile(path string, content []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".snapshot-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
