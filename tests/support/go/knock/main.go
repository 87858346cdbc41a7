// A client that comes as far as TLS: what it agreed on with a server, whether that then said anything, or how it was
// sent away. It says nothing itself, so that nothing can keep a last word of the server's from arriving.
//
// argv: the address, the PEM files of CA, certificate and key ("" for none), the newest TLS version and the protocols
// offered, with commas. One line of JSON on standard output.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

const patience = 60 * time.Second

type seen struct {
	Version  string `json:"version"`
	Protocol string `json:"protocol"`
	Served   bool   `json:"served"`
	Error    string `json:"error"`
}

var versions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func config(ca, crt, key, newest, protocols string) *tls.Config {
	shown := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS10, MaxVersion: versions[newest]}
	pem, err := os.ReadFile(ca)
	check(err)
	shown.RootCAs.AppendCertsFromPEM(pem)
	if crt != "" {
		pair, err := tls.LoadX509KeyPair(crt, key)
		check(err)
		// shown whatever the server says it accepts, so that the server decides
		shown.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	if protocols != "" {
		shown.NextProtos = strings.Split(protocols, ",")
	}
	return shown
}

func knock(address string, shown *tls.Config) (found seen) {
	shown.ServerName, _, _ = net.SplitHostPort(address)
	plain, err := net.Dial("tcp", address)
	check(err)
	defer plain.Close()
	check(plain.SetDeadline(time.Now().Add(patience)))
	door := tls.Client(plain, shown)
	err = door.Handshake()
	state := door.ConnectionState()
	if state.HandshakeComplete {
		found.Version, found.Protocol = tls.VersionName(state.Version), state.NegotiatedProtocol
		var n int
		n, err = door.Read(make([]byte, 1))
		found.Served = n == 1
	}
	switch refused := (*net.OpError)(nil); {
	case errors.Is(err, io.EOF):
		found.Error = "EOF"
	case errors.As(err, &refused):
		found.Error = refused.Err.Error()
	case err != nil:
		found.Error = err.Error()
	}
	return
}

func main() {
	found := knock(os.Args[1], config(os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]))
	check(json.NewEncoder(os.Stdout).Encode(found))
}
