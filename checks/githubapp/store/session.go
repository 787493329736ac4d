package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"
)

// Sessions keeps the sessions of people who look at pages: a store of scs
// (github.com/alexedwards/scs/v2), with contexts.
func (s *Store) Sessions() *SessionStore { return &SessionStore{s} }

// A SessionStore is what [Store.Sessions] returns. It keeps no token, only its hash: who
// reads a backup cannot take a session over.
type SessionStore struct{ store *Store }

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// FindCtx returns the data of a session that has not expired.
func (s *SessionStore) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	err = s.store.engine.reader().row(ctx, `SELECT data FROM sessions WHERE token = ?1 AND expires > ?2`,
		hash(token), s.store.o.Now().UnixMilli()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// CommitCtx keeps the data of a session until it expires.
func (s *SessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	_, err := s.store.write(ctx, `INSERT INTO sessions (token, data, expires) VALUES (?1, ?2, ?3)
		ON CONFLICT (token) DO UPDATE SET data = excluded.data, expires = excluded.expires`, hash(token), data, expiry.UnixMilli())
	return err
}

// DeleteCtx forgets a session.
func (s *SessionStore) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.store.write(ctx, `DELETE FROM sessions WHERE token = ?1`, hash(token))
	return err
}

// Find is FindCtx without a context.
func (s *SessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s *SessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (s *SessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
