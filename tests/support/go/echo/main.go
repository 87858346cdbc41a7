// grpc-go's client against the echo service of tests/rpc/echo.py: plays every scenario at the address argv[1], with the
// PEM files argv[2:5] (CA, certificate, key) if given, and prints what it saw as JSON.
package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	pb "google.golang.org/protobuf/types/known/wrapperspb"
)

var (
	small   = pb.Bytes(make([]byte, 100))
	failing = []string{"code", "8", "message-bin", "weil's 100 % ü\n🙂"}
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func with(pairs ...string) context.Context {
	return metadata.AppendToOutgoingContext(context.Background(), pairs...)
}

func echoed(data []byte) bool {
	return string(data) == string(small.Value)
}

func unary(channel *grpc.ClientConn) map[string]any {
	var initial, trailing metadata.MD
	reply := new(pb.BytesValue)
	options := []grpc.CallOption{grpc.Header(&initial), grpc.Trailer(&trailing)}
	check(channel.Invoke(with("echo-a", "text", "echo-b-bin", "\x00\xff"), "/test.Echo/Unary", small, reply, options...))
	return map[string]any{
		"unary":    echoed(reply.Value),
		"initial":  []string{initial.Get("echo-a")[0], strconv.Quote(initial.Get("echo-b-bin")[0])},
		"trailing": []string{trailing.Get("trail")[0], strconv.Quote(trailing.Get("trail-bin")[0])},
	}
}

func open(channel *grpc.ClientConn, ctx context.Context, name string) grpc.ClientStream {
	stream, err := channel.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/"+name)
	check(err)
	return stream
}

func drained(stream grpc.ClientStream) (count int, err error) {
	for {
		reply := new(pb.BytesValue)
		if err = stream.RecvMsg(reply); err != nil {
			return
		}
		if echoed(reply.Value) {
			count++
		}
	}
}

func down(channel *grpc.ClientConn, pairs ...string) (int, error) {
	stream := open(channel, with(pairs...), "Down")
	check(stream.SendMsg(small))
	check(stream.CloseSend())
	return drained(stream)
}

func up(channel *grpc.ClientConn) int {
	stream, reply := open(channel, with(), "Up"), new(pb.BytesValue)
	for i := 0; i < 100; i++ {
		check(stream.SendMsg(small))
	}
	check(stream.CloseSend())
	check(stream.RecvMsg(reply))
	return len(reply.Value)
}

func pingPong(channel *grpc.ClientConn) bool {
	stream := open(channel, with(), "Both")
	for i := 1; i <= 50; i++ {
		sent, reply := pb.Bytes(make([]byte, i*200)), new(pb.BytesValue)
		check(stream.SendMsg(sent))
		check(stream.RecvMsg(reply))
		if !proto.Equal(sent, reply) {
			return false
		}
	}
	check(stream.CloseSend())
	_, err := drained(stream)
	return err == io.EOF
}

func large(channel *grpc.ClientConn, size int) any {
	reply := new(pb.BytesValue)
	limit := grpc.MaxCallRecvMsgSize(64 << 20)
	err := channel.Invoke(with(), "/test.Echo/Unary", pb.Bytes(make([]byte, size)), reply, limit)
	if err != nil {
		return status.Code(err).String()
	}
	return len(reply.Value) == size
}

func failed(err error) []any {
	said := status.Convert(err)
	return []any{said.Code().String(), said.Message(), len(said.Details())}
}

func ends(channel *grpc.ClientConn, name string, timeout, cancel time.Duration) string {
	ctx, stop := context.WithTimeout(context.Background(), timeout)
	defer stop()
	if cancel > 0 {
		time.AfterFunc(cancel, stop)
	}
	return status.Code(channel.Invoke(ctx, "/test.Echo/"+name, small, new(pb.BytesValue))).String()
}

func many(channel *grpc.ClientConn, count int) (good int) {
	done := make(chan bool)
	for i := 0; i < count; i++ {
		go func() {
			reply := new(pb.BytesValue)
			err := channel.Invoke(with("wait", "1"), "/test.Echo/Unary", small, reply)
			done <- err == nil && echoed(reply.Value)
		}()
	}
	for i := 0; i < count; i++ {
		if <-done {
			good++
		}
	}
	return
}

func main() {
	channel := dial(os.Args[1], os.Args[2:])
	defer channel.Close()
	seen := unary(channel)
	count, err := down(channel, "count", "2000")
	seen["down"] = []any{count, err == io.EOF}
	seen["up"] = up(channel)
	seen["both"] = pingPong(channel)
	seen["error"] = failed(channel.Invoke(with(failing...), "/test.Echo/Unary", small, new(pb.BytesValue)))
	_, err = down(channel, failing...)
	seen["stream error"] = failed(err)
	seen["unknown"] = ends(channel, "No", time.Minute, 0)
	seen["deadline"] = ends(channel, "Hang", 100*time.Millisecond, 0)
	seen["cancelled"] = ends(channel, "Hang", time.Minute, 100*time.Millisecond)
	seen["large"] = large(channel, 31<<20)
	seen["over the limit"] = large(channel, 32<<20)
	seen["many"] = many(channel, 500)
	check(json.NewEncoder(os.Stdout).Encode(seen))
}
