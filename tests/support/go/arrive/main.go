// grpc-go's client as people come to a door: each call on a new connection, made without waiting for one, by so many
// callers at once, until standard input ends. Prints a line of JSON for each call.
//
// argv: the address, the PEM files of CA, certificate and key ("" for none), how many callers, and the method.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

const clockMonotonic = 1

// Times are of the machine's monotonic clock, in ns.
type outcome struct {
	Began int64  `json:"began"`
	Ended int64  `json:"ended"`
	Code  string `json:"code"`
	Error string `json:"error"`
}

var (
	mutex  sync.Mutex
	output = json.NewEncoder(os.Stdout)
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func now() int64 {
	var at syscall.Timespec
	_, _, failed := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&at)), 0)
	if failed != 0 {
		panic(failed)
	}
	return at.Nano()
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
		shown.Certificates = []tls.Certificate{pair}
	}
	return shown
}

func call(address string, shown *tls.Config, method string) {
	began := now()
	channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(shown)))
	check(err)
	defer channel.Close()
	err = channel.Invoke(context.Background(), method, &emptypb.Empty{}, &emptypb.Empty{})
	said := status.Convert(err)
	mutex.Lock()
	defer mutex.Unlock()
	check(output.Encode(outcome{began, now(), said.Code().String(), said.Message()}))
}

func main() {
	callers, err := strconv.Atoi(os.Args[5])
	check(err)
	shown := config(os.Args[2], os.Args[3], os.Args[4])
	ended, all := make(chan struct{}), sync.WaitGroup{}
	for range callers {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				select {
				case <-ended:
					return
				default:
					call(os.Args[1], shown, os.Args[6])
				}
			}
		}()
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	check(err)
	close(ended)
	all.Wait()
}
