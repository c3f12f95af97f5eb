// Package tlscert gives TLS certificates of a store to crypto/tls, and follows their rotation:
// every new handshake has the certificate of that moment.
//
// The private key is parsed into Go's heap, where crypto/tls needs it: see package cloudtaser for
// what that means. The PEM text itself is not copied there.
package tlscert

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"

	cloudtaser "cloudtaser.io/sdk-go"
)

// Source has the certificate of two references.
type Source struct {
	store     *cloudtaser.Store
	cert, key string

	mu       sync.Mutex
	current  *tls.Certificate
	versions [2]uint64
}

// New makes a source of the references of the certificate chain and of the private key, both PEM.
// They are read at once, so that a mistake shows at the start and not at the first handshake.
func New(store *cloudtaser.Store, cert, key string) (*Source, error) {
	s := &Source{store: store, cert: cert, key: key}
	if _, err := s.certificate(); err != nil {
		return nil, err
	}
	return s, nil
}

// GetCertificate is for tls.Config.GetCertificate, of a server.
func (s *Source) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.certificate()
}

// GetClientCertificate is for tls.Config.GetClientCertificate, of a client.
func (s *Source) GetClientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return s.certificate()
}

// certificate reads and parses again when one of the two was rotated. While only one of a pair is
// published, which does not fit the other, the pair of before is used.
func (s *Source) certificate() (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.isCurrent() {
		return s.current, nil
	}
	cert, err := s.store.Get(s.cert)
	if err != nil {
		return nil, fmt.Errorf("tlscert: %w", err)
	}
	defer cert.Destroy()
	key, err := s.store.Get(s.key)
	if err != nil {
		return nil, fmt.Errorf("tlscert: %w", err)
	}
	defer key.Destroy()
	versions := [2]uint64{cert.Version(), key.Version()}
	var pair tls.Certificate
	err = cert.Use(func(certPEM []byte) error {
		return key.Use(func(keyPEM []byte) error {
			pair, err = tls.X509KeyPair(bytes.Clone(certPEM), keyPEM)
			return err
		})
	})
	switch {
	case err == nil:
		s.current, s.versions = &pair, versions
	case s.current == nil:
		// What crypto/tls says can hold what it did not understand.
		return nil, errors.New("tlscert: certificate and key are no PEM pair that fits")
	}
	return s.current, nil
}

// isCurrent says whether the live versions are those that were parsed. An error is for the reading
// that follows.
func (s *Source) isCurrent() bool {
	cert, err := s.store.Version(s.cert)
	if err != nil || cert != s.versions[0] {
		return false
	}
	key, err := s.store.Version(s.key)
	return err == nil && key == s.versions[1]
}
