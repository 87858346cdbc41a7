package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

func dial(address string, files []string) *grpc.ClientConn {
	trust := insecure.NewCredentials()
	if len(files) == 3 {
		pair, err := tls.LoadX509KeyPair(files[1], files[2])
		check(err)
		pem, err := os.ReadFile(files[0])
		check(err)
		authorities := x509.NewCertPool()
		authorities.AppendCertsFromPEM(pem)
		trust = credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: authorities})
	}
	channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(trust))
	check(err)
	return channel
}
