package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"ichor/common"
	"ichor/machine"
	"ichor/v1alpha1"
)

// A node behind its door. It computes nothing: its answers are messages that were there before it was asked, and what a
// call costs is their encoding.
type back struct {
	machine.UnimplementedMachineServiceServer
	version  machine.VersionResponse
	services machine.ServiceListResponse
	log      []*common.Data
}

type state struct {
	v1alpha1.UnimplementedStateServer
	resource v1alpha1.GetResponse
}

func (b *back) Version(context.Context, *emptypb.Empty) (*machine.VersionResponse, error) {
	return &b.version, nil
}

func (b *back) ServiceList(context.Context, *emptypb.Empty) (*machine.ServiceListResponse, error) {
	return &b.services, nil
}

func (s *state) Get(context.Context, *v1alpha1.GetRequest) (*v1alpha1.GetResponse, error) {
	return &s.resource, nil
}

func (b *back) Logs(_ *machine.LogsRequest, stream machine.MachineService_LogsServer) error {
	for _, data := range b.log {
		if err := stream.Send(data); err != nil {
			return err
		}
	}
	return nil
}

// Read the answer called `name`: files NAME.0, NAME.1 and so on.
func answer(folder, name string, number int, message proto.Message) bool {
	data, err := os.ReadFile(filepath.Join(folder, fmt.Sprint(name, ".", number)))
	if os.IsNotExist(err) {
		return false
	}
	check(err)
	check(proto.Unmarshal(data, message))
	return true
}

func behind(address, folder string) {
	b, s := &back{}, &state{}
	if !answer(folder, "version", 0, &b.version) || !answer(folder, "services", 0, &b.services) ||
		!answer(folder, "get", 0, &s.resource) {
		panic("an answer is missing")
	}
	for data := new(common.Data); answer(folder, "log", len(b.log), data); data = new(common.Data) {
		b.log = append(b.log, data)
	}
	listener, err := net.Listen("unix", strings.TrimPrefix(address, "unix:"))
	check(err)
	server := grpc.NewServer()
	machine.RegisterMachineServiceServer(server, b)
	v1alpha1.RegisterStateServer(server, s)
	say(address)
	check(server.Serve(listener))
}
