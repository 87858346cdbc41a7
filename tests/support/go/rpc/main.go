// grpc-go for benchmarks/rpc: `rpc serve|load ADDRESS [CA CERTIFICATE KEY]`, and for benchmarks/hops: `rpc ask ADDRESS CA
// CERTIFICATE KEY`, `rpc front ADDRESS CA CERTIFICATE KEY BACK CERTIFICATE KEY`, `rpc back ADDRESS FOLDER`. A server says
// its address and serves until it is killed; a load does what the lines of its standard input ask for. Defaults of
// grpc-go wherever it has some.
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
	address, files := os.Args[2], os.Args[3:]
	switch os.Args[1] {
	case "serve":
		serve(address, secured(files))
	case "load":
		load(address, secured(files))
	case "ask":
		ask(address, secured(files))
	case "front":
		door(address, files[3], secured(files[:3]), secured([]string{files[0], files[4], files[5]}))
	case "back":
		behind(address, files[0])
	}
}
