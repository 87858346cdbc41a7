package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// Messages stay the bytes that they were.
type raw struct{}

func (raw) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }

func (raw) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = data
	return nil
}

func (raw) Name() string { return "proto" }

// The front door as grpc-go's proxies make it: every method, to the back on a unix socket or to the door of the node that
// the caller names, without decoding.
type front struct {
	back  *grpc.ClientConn
	trust *tls.Config
	port  string
	mutex sync.Mutex
	doors map[string]*grpc.ClientConn
}

func dial(address string, security credentials.TransportCredentials) *grpc.ClientConn {
	channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(security))
	check(err)
	return channel
}

func (f *front) door(node string) *grpc.ClientConn {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.doors[node] == nil {
		f.doors[node] = dial(net.JoinHostPort(node, f.port), credentials.NewTLS(f.trust))
	}
	return f.doors[node]
}

// Where a call goes, and what it says there: the same fields as our door's.
func (f *front) route(came metadata.MD) (*grpc.ClientConn, metadata.MD) {
	said := came.Copy()
	said.Delete(":authority")
	said.Delete("node")
	said.Set("talos-role", "os:admin")
	node := came.Get("node")
	if len(node) == 0 {
		return f.back, said
	}
	said.Set("proxyfrom", came.Get(":authority")...)
	return f.door(node[0]), said
}

func (f *front) pass(_ any, in grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(in)
	came, _ := metadata.FromIncomingContext(in.Context())
	channel, said := f.route(came)
	ctx, cancel := context.WithCancel(metadata.NewOutgoingContext(in.Context(), said))
	defer cancel()
	both := grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	out, err := channel.NewStream(ctx, &both, method, grpc.ForceCodec(raw{}))
	if err != nil {
		return err
	}
	go requests(in, out, cancel)
	err = replies(in, out)
	in.SetTrailer(out.Trailer())
	return err
}

func requests(in grpc.ServerStream, out grpc.ClientStream, cancel func()) {
	for {
		var message []byte
		err := in.RecvMsg(&message)
		if err == io.EOF {
			_ = out.CloseSend()
			return
		}
		if err != nil || out.SendMsg(&message) != nil {
			cancel()
			return
		}
	}
}

func replies(in grpc.ServerStream, out grpc.ClientStream) error {
	for first := true; ; first = false {
		var message []byte
		err := out.RecvMsg(&message)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if first {
			header, err := out.Header()
			check(err)
			header.Set("client-certificate-expires", "2030-01-01T00:00:00Z")
			check(in.SetHeader(header))
		}
		if err := in.SendMsg(&message); err != nil {
			return err
		}
	}
}

// Serve as a node's door; `shown` is what it shows to other doors.
func door(address, back string, trust, shown *tls.Config) {
	listener, err := net.Listen("tcp", address)
	check(err)
	_, port, err := net.SplitHostPort(address)
	check(err)
	f := &front{dial(back, insecure.NewCredentials()), shown, port, sync.Mutex{}, map[string]*grpc.ClientConn{}}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(trust)), grpc.ForceServerCodec(raw{}),
		grpc.UnknownServiceHandler(f.pass))
	say(address)
	check(server.Serve(listener))
}
