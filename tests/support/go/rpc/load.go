package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"ichor/machine"
)

// Microseconds: the median of single calls, if they were timed one by one, and wall time for each.
type result struct {
	P50  float64 `json:"p50"`
	Each float64 `json:"each"`
}

type loader struct {
	dial   func() *grpc.ClientConn
	client machine.MachineServiceClient
	held   []*grpc.ClientConn
}

func call(client machine.MachineServiceClient) {
	reply, err := client.Version(context.Background(), &emptypb.Empty{})
	check(err)
	if len(reply.Messages) != 1 || reply.Messages[0].Version.Tag == "" {
		panic(fmt.Sprint("not the reply: ", reply))
	}
}

func timed(count int, work func()) result {
	times := make([]float64, count)
	start := time.Now()
	for i := range times {
		before := time.Now()
		work()
		times[i] = float64(time.Since(before).Nanoseconds()) / 1e3
	}
	each := float64(time.Since(start).Nanoseconds()) / 1e3 / float64(count)
	slices.Sort(times)
	return result{times[count/2], each}
}

func (l *loader) connect() {
	channel := l.dial()
	call(machine.NewMachineServiceClient(channel))
	check(channel.Close())
}

func (l *loader) flight(count, at int) result {
	done := make(chan bool)
	return timed(1, func() {
		for i := 0; i < at; i++ {
			go func() {
				for i := 0; i < count/at; i++ {
					call(l.client)
				}
				done <- true
			}()
		}
		for i := 0; i < at; i++ {
			<-done
		}
	}).per(count / at * at)
}

func (r result) per(count int) result {
	return result{0, r.Each / float64(count)}
}

func (l *loader) stream(count, size int) result {
	return timed(1, func() {
		request := &machine.ReadRequest{Path: fmt.Sprintf("%dx%d", count, size)}
		stream, err := l.client.Read(context.Background(), request)
		check(err)
		got := 0
		for {
			reply, err := stream.Recv()
			if err == io.EOF {
				break
			}
			check(err)
			got += len(reply.Bytes)
		}
		if got != count*size {
			panic(fmt.Sprint("stream brought ", got))
		}
	}).per(count)
}

func (l *loader) hold(count int) result {
	for i := 0; i < count; i++ {
		channel := l.dial()
		call(machine.NewMachineServiceClient(channel))
		l.held = append(l.held, channel)
	}
	return result{}
}

func (l *loader) obey(order string) result {
	var what string
	var count, more int
	_, _ = fmt.Sscan(order, &what, &count, &more) // how many numbers there are is the order's affair
	switch what {
	case "unary":
		return timed(count, func() { call(l.client) })
	case "flight":
		return l.flight(count, more)
	case "connect":
		return timed(count, l.connect)
	case "stream":
		return l.stream(count, more)
	case "hold":
		return l.hold(count)
	}
	panic("unknown order: " + order)
}

func load(address string, trust *tls.Config) {
	security := insecure.NewCredentials()
	if trust != nil {
		security = credentials.NewTLS(trust)
	}
	dial := func() *grpc.ClientConn {
		channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(security))
		check(err)
		return channel
	}
	l := &loader{dial: dial, client: machine.NewMachineServiceClient(dial())}
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		say(l.obey(orders.Text()))
	}
}
