package tlscert_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cloudtaser "cloudtaser.io/sdk-go"
	"cloudtaser.io/sdk-go/cloudtasertest"
	"cloudtaser.io/sdk-go/tlscert"
)

const (
	certRef = "secret/tls#cert"
	keyRef  = "secret/tls#key"
)

// pair makes a certificate of that serial number for localhost, signed by itself.
func pair(t testing.TB, serial int64) (cert, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", keyDER)
}

func rotate(fake *cloudtasertest.Fake, cert, key string) {
	fake.Rotate(certRef, cert)
	fake.Rotate(keyRef, key)
}

func source(t testing.TB) (*cloudtasertest.Fake, *tlscert.Source) {
	cert, key := pair(t, 1)
	fake := cloudtasertest.New(t, map[string]string{certRef: cert, keyRef: key})
	s, err := tlscert.New(fake.Store, certRef, keyRef)
	if err != nil {
		t.Fatal(err)
	}
	return fake, s
}

// serve answers each connection with the serial number of the client's certificate.
func serve(t testing.TB, config *tls.Config) string {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answer(conn.(*tls.Conn))
		}
	}()
	return listener.Addr().String()
}

func answer(conn *tls.Conn) {
	defer conn.Close()
	if conn.Handshake() != nil {
		return
	}
	peers := conn.ConnectionState().PeerCertificates
	if len(peers) == 0 {
		fmt.Fprint(conn, "nobody")
		return
	}
	fmt.Fprint(conn, peers[0].SerialNumber)
}

// dial gives the server's serial number, and what it says of ours.
func dial(address string, config *tls.Config) (serial int64, said string, err error) {
	raw, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return 0, "", err
	}
	conn := tls.Client(raw, config)
	defer conn.Close()
	if err := conn.HandshakeContext(context.Background()); err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(conn)
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), string(text), err
}

// trusting is a client that takes any server: which one it is, is what the test looks at.
func trusting() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

func TestARealServerAndClientFollowTheRotation(t *testing.T) {
	fake, s := source(t)
	server := &tls.Config{GetCertificate: s.GetCertificate, ClientAuth: tls.RequireAnyClientCert}
	address := serve(t, server)
	client := trusting()
	client.GetClientCertificate = s.GetClientCertificate
	for serial := int64(1); serial <= 3; serial++ {
		got, said, err := dial(address, client)
		if got != serial || said != fmt.Sprint(serial) || err != nil {
			t.Errorf("certificate %d: %d, %q, %v", serial, got, said, err)
		}
		cert, key := pair(t, serial+1)
		rotate(fake, cert, key)
	}
}

// TestNoHandshakeFailsWhileItRotates: not even between the certificate and its key.
func TestNoHandshakeFailsWhileItRotates(t *testing.T) {
	fake, s := source(t)
	address := serve(t, &tls.Config{GetCertificate: s.GetCertificate})
	var pairs [8][2]string
	for i := range pairs {
		pairs[i][0], pairs[i][1] = pair(t, int64(i+2))
	}
	stop := make(chan struct{})
	var clients sync.WaitGroup
	var seen sync.Map
	var failures atomic.Int32
	for range 4 {
		clients.Add(1)
		go func() {
			defer clients.Done()
			for range 60 {
				serial, _, err := dial(address, trusting())
				if err != nil {
					failures.Add(1)
					t.Error(err)
				}
				seen.Store(serial, true)
			}
		}()
	}
	go func() { clients.Wait(); close(stop) }()
	rotations := 0
	for ; ; rotations++ {
		next := pairs[rotations%len(pairs)]
		rotate(fake, next[0], next[1])
		select {
		case <-stop:
			count := 0
			seen.Range(func(any, any) bool { count++; return true })
			if failures.Load() != 0 || count < 2 || rotations < 10 {
				t.Errorf("%d failures, %d certificates, %d rotations",
					failures.Load(), count, rotations)
			}
			return
		default:
		}
	}
}

func TestHalfARotationLeavesThePairOfBefore(t *testing.T) {
	fake, s := source(t)
	address := serve(t, &tls.Config{GetCertificate: s.GetCertificate})
	cert, key := pair(t, 2)
	fake.Rotate(certRef, cert)
	if serial, _, err := dial(address, trusting()); serial != 1 || err != nil {
		t.Errorf("%d, %v", serial, err)
	}
	fake.Rotate(keyRef, key)
	if serial, _, err := dial(address, trusting()); serial != 2 || err != nil {
		t.Errorf("%d, %v", serial, err)
	}
}

func TestAMistakeShowsAtTheStart(t *testing.T) {
	_, key := pair(t, 1)
	fake := cloudtasertest.New(t, map[string]string{certRef: "hunter2", keyRef: key})
	_, err := tlscert.New(fake.Store, certRef, keyRef)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	_, err = tlscert.New(fake.Store, certRef, "secret/none")
	if !errors.Is(err, cloudtaser.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func ExampleSource_GetCertificate() {
	cert, key := pair(&testing.T{}, 7)
	fake := cloudtasertest.New(&testing.T{}, map[string]string{certRef: cert, keyRef: key})
	source, err := tlscert.New(fake.Store, certRef, keyRef)
	if err != nil {
		return
	}
	address := serve(&testing.T{}, &tls.Config{GetCertificate: source.GetCertificate})
	serial, _, err := dial(address, trusting())
	fmt.Println(serial, err)
	// Output: 7 <nil>
}
