// grpc-go for benchmarks/rpc: `rpc serve|load ADDRESS [CA CERTIFICATE KEY]`. A server says its address and serves until
// it is killed; a load does what the lines of its standard input ask for. Defaults of grpc-go wherever it has some.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func say(value any) {
	check(json.NewEncoder(os.Stdout).Encode(value))
}

// Of both sides; nil without files. One curve, so that peers pay for the same exchange of keys; a second one for grpcio,
// which knows no other and is asked again.
func secured(files []string) *tls.Config {
	if len(files) != 3 {
		return nil
	}
	pem, err := os.ReadFile(files[0])
	check(err)
	pair, err := tls.LoadX509KeyPair(files[1], files[2])
	check(err)
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(pem)
	return &tls.Config{
		Certificates:     []tls.Certificate{pair},
		RootCAs:          authorities,
		ClientCAs:        authorities,
		ClientAuth:       tls.RequireAndVerifyClientCert,
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
		MinVersion:       tls.VersionTLS13,
	}
}

func main() {
	what, address, trust := os.Args[1], os.Args[2], secured(os.Args[3:])
	if what == "serve" {
		serve(address, trust)
	} else {
		load(address, trust)
	}
}
