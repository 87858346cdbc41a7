package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/emptypb"

	"ichor/common"
	"ichor/machine"
)

type node struct {
	machine.UnimplementedMachineServiceServer
}

func (node) Version(context.Context, *emptypb.Empty) (*machine.VersionResponse, error) {
	return &machine.VersionResponse{Messages: []*machine.Version{{
		Metadata: &common.Metadata{Hostname: "node-controlplane-01.example.internal"},
		Version: &machine.VersionInfo{
			Tag: "v1.14.0-ichor.0.1.0", Sha: "4c2f0f7e9b1d4f3a", Os: "linux", Arch: "amd64",
		},
		Platform: &machine.PlatformInfo{Name: "metal", Mode: "metal"},
		Features: &machine.FeaturesInfo{Rbac: true},
	}}}, nil
}

// As many messages of as many bytes as the path says: COUNTxSIZE.
func (node) Read(request *machine.ReadRequest, stream machine.MachineService_ReadServer) error {
	var count, size int
	if _, err := fmt.Sscanf(request.Path, "%dx%d", &count, &size); err != nil {
		return err
	}
	data := make([]byte, size)
	for i := 0; i < count; i++ {
		if err := stream.Send(&common.Data{Bytes: data}); err != nil {
			return err
		}
	}
	return nil
}

func serve(address string, trust *tls.Config) {
	var options []grpc.ServerOption
	if trust != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(trust)))
	}
	path, unix := strings.CutPrefix(address, "unix:")
	network := "tcp"
	if unix {
		network = "unix"
	}
	listener, err := net.Listen(network, path)
	check(err)
	if unix {
		say(address)
	} else {
		say(listener.Addr().String())
	}
	server := grpc.NewServer(options...)
	machine.RegisterMachineServiceServer(server, node{})
	check(server.Serve(listener))
}
