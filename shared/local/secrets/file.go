package secrets

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

// save stores a secret and then makes it visible. The caller holds mu.
func (s *Store) save(sec *secret) error {
	next := maps.Clone(s.secrets)
	next[sec.Name] = sec
	data, err := json.MarshalIndent(next, "", " ")
	if err != nil {
		return fmt.Errorf("encode the local secrets: %w", err)
	}
	if err := replace(s.path, data); err != nil {
		return fmt.Errorf("store the local secrets: %w", err)
	}
	s.secrets = next
	return nil
}

// replace writes a file. Also after a crash, the path holds all of the old content
// or all of the new content.
func replace(path string, data []byte) error {
	// The name is always the same, so a crash leaves one such file at most.
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	// The new name must be on disk too.
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
