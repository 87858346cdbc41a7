// grpc-go's client with the stubs that protoc-gen-go-grpc makes of our .proto files, driven by lines of JSON: each line on
// standard input is a call to make or to give up, each line on standard output a message of a call or its end.
//
// argv: the address, then the PEM files of CA, certificate and key ("" for none).
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

const limit = 32 << 20

var (
	output sync.Mutex
	mutex  sync.Mutex
	cancel = map[int]context.CancelFunc{}
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func say(what any) {
	line, err := json.Marshal(what)
	check(err)
	output.Lock()
	defer output.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func config(ca, crt, key string) *tls.Config {
	shown := &tls.Config{InsecureSkipVerify: ca == "", RootCAs: x509.NewCertPool()}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		check(err)
		shown.RootCAs.AppendCertsFromPEM(pem)
	}
	if crt != "" {
		pair, err := tls.LoadX509KeyPair(crt, key)
		check(err)
		// shown whatever the server says it accepts, so that the server decides
		shown.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return shown
}

func main() {
	channel, err := grpc.NewClient(os.Args[1],
		grpc.WithTransportCredentials(credentials.NewTLS(config(os.Args[2], os.Args[3], os.Args[4]))),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(limit)),
		grpc.WithInitialWindowSize(65535*32), grpc.WithInitialConnWindowSize(65535*16))
	check(err)
	stubs := clients(channel)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var call call
		check(json.Unmarshal(lines.Bytes(), &call))
		mutex.Lock()
		if call.Method == "" {
			if end := cancel[call.ID]; end != nil {
				end()
			}
		} else {
			ctx, end := context.WithCancel(context.Background())
			cancel[call.ID] = end
			go call.make(ctx, stubs)
		}
		mutex.Unlock()
	}
}
