package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"

	"ichor/machine"
	"ichor/v1alpha1"
)

// What is asked of a node, by the name that an order has for it. Each counts what it got, which is never nothing.
var questions = map[string]func(ctx context.Context, channel *grpc.ClientConn) int{
	"version": func(ctx context.Context, channel *grpc.ClientConn) int {
		reply, err := machine.NewMachineServiceClient(channel).Version(ctx, &emptypb.Empty{})
		check(err)
		return len(reply.Messages)
	},
	"services": func(ctx context.Context, channel *grpc.ClientConn) int {
		reply, err := machine.NewMachineServiceClient(channel).ServiceList(ctx, &emptypb.Empty{})
		check(err)
		return len(reply.Messages[0].Services)
	},
	"get": func(ctx context.Context, channel *grpc.ClientConn) int {
		request := &v1alpha1.GetRequest{
			Namespace: "runtime", Type: "MachineStatuses.runtime.talos.dev", Id: "machine",
		}
		reply, err := v1alpha1.NewStateClient(channel).Get(ctx, request)
		check(err)
		return len(reply.Resource.Spec.ProtoSpec)
	},
	"log": func(ctx context.Context, channel *grpc.ClientConn) int {
		request := &machine.LogsRequest{Id: "apid", TailLines: -1}
		stream, err := machine.NewMachineServiceClient(channel).Logs(ctx, request)
		check(err)
		for got := 0; ; {
			data, err := stream.Recv()
			if err == io.EOF {
				return got
			}
			check(err)
			got += len(data.Bytes)
		}
	},
}

// Orders are NAME COUNT, or NAME COUNT NODE for what the door is to ask of another node.
func ask(address string, trust *tls.Config) {
	channel := dial(address, credentials.NewTLS(trust))
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		var name, node string
		var count int
		_, _ = fmt.Sscan(orders.Text(), &name, &count, &node)
		ctx := context.Background()
		if node != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "node", node)
		}
		say(timed(count, func() {
			if questions[name](ctx, channel) == 0 {
				panic("nothing came for " + strings.TrimSpace(orders.Text()))
			}
		}))
	}
}
