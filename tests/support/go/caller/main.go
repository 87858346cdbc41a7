// grpc-go's client with the stubs that protoc-gen-go-grpc makes of our .proto files, driven by lines of JSON: each line on
// standard input is a call to make or to give up, each line on standard output a message of a call or its end.
//
// argv: the address, the PEM files of CA, certificate and key ("" for none), and after how many silent seconds the
// server is pinged (0: never), as the commands do that wait for a node's reboot.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

const (
	limit    = 32 << 20
	patience = 5 * time.Second // for the answer to a ping
)

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
	silent, err := strconv.Atoi(os.Args[5])
	check(err)
	options := []grpc.DialOption{}
	if silent > 0 {
		pings := keepalive.ClientParameters{Time: time.Duration(silent) * time.Second, Timeout: patience, PermitWithoutStream: true}
		options = append(options, grpc.WithKeepaliveParams(pings))
	}
	channel, err := grpc.NewClient(os.Args[1], append(options,
		grpc.WithTransportCredentials(credentials.NewTLS(config(os.Args[2], os.Args[3], os.Args[4]))),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(limit)),
		grpc.WithInitialWindowSize(65535*32), grpc.WithInitialConnWindowSize(65535*16))...)
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
