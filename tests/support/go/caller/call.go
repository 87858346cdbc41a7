package main

import (
	"context"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"ichor/cluster"
	"ichor/inspect"
	"ichor/machine"
	"ichor/recovery"
	"ichor/security"
	"ichor/storage"
	clock "ichor/time"
	"ichor/v1alpha1"
)

// One call: "service/Method", its requests as JSON, `Fill` bytes for the request's field `data`; `Wait` for a connection.
type call struct {
	ID       int
	Method   string
	Metadata [][2]string
	Requests []json.RawMessage
	Fill     int
	Timeout  float64
	Wait     bool
}

type message struct {
	ID      int             `json:"id"`
	Message json.RawMessage `json:"message"`
}

type ending struct {
	ID      int                 `json:"id"`
	Code    string              `json:"code"`
	Error   string              `json:"error"`
	Header  map[string][]string `json:"header"`
	Trailer map[string][]string `json:"trailer"`
}

func clients(channel *grpc.ClientConn) map[string]any {
	return map[string]any{
		"cluster.ClusterService":      cluster.NewClusterServiceClient(channel),
		"cosi.resource.State":         v1alpha1.NewStateClient(channel),
		"ichor.recovery.Recovery":     recovery.NewRecoveryClient(channel),
		"inspect.InspectService":      inspect.NewInspectServiceClient(channel),
		"machine.DebugService":        machine.NewDebugServiceClient(channel),
		"machine.ImageService":        machine.NewImageServiceClient(channel),
		"machine.LVMService":          machine.NewLVMServiceClient(channel),
		"machine.LifecycleService":    machine.NewLifecycleServiceClient(channel),
		"machine.MDService":           machine.NewMDServiceClient(channel),
		"machine.MachineService":      machine.NewMachineServiceClient(channel),
		"machine.StorageService":      machine.NewStorageServiceClient(channel),
		"securityapi.SecurityService": security.NewSecurityServiceClient(channel),
		"storage.StorageService":      storage.NewStorageServiceClient(channel),
		"time.TimeService":            clock.NewTimeServiceClient(channel),
	}
}

func (c *call) make(ctx context.Context, stubs map[string]any) {
	var header, trailer metadata.MD
	for _, pair := range c.Metadata {
		ctx = metadata.AppendToOutgoingContext(ctx, pair[0], pair[1])
	}
	if c.Timeout > 0 {
		limited, end := context.WithTimeout(ctx, time.Duration(c.Timeout*float64(time.Second)))
		defer end()
		ctx = limited
	}
	err := c.through(ctx, stubs, &header, &trailer)
	said := status.Convert(err)
	say(ending{c.ID, said.Code().String(), said.Message(), header, trailer})
}

// The stub's method by its name: func(ctx, [request,] ...CallOption) (reply or stream, error).
func (c *call) through(ctx context.Context, stubs map[string]any, header, trailer *metadata.MD) error {
	service, name, _ := strings.Cut(c.Method, "/")
	method := reflect.ValueOf(stubs[service]).MethodByName(name)
	in := []reflect.Value{reflect.ValueOf(ctx)}
	if method.Type().NumIn() == 3 {
		request := reflect.New(method.Type().In(1).Elem()).Interface().(proto.Message)
		c.fill(request, c.Requests[0])
		in = append(in, reflect.ValueOf(request))
	}
	for _, option := range []grpc.CallOption{grpc.Header(header), grpc.Trailer(trailer), grpc.WaitForReady(c.Wait)} {
		in = append(in, reflect.ValueOf(option))
	}
	out := method.Call(in)
	if err, failed := out[1].Interface().(error); failed {
		return err
	}
	if reply, unary := out[0].Interface().(proto.Message); unary {
		c.tell(reply)
		return nil
	}
	return c.stream(out[0], method.Type().NumIn() == 2)
}

func (c *call) stream(stub reflect.Value, uploading bool) error {
	stream := stub.Interface().(grpc.ClientStream)
	if uploading {
		kind := stub.MethodByName("Send").Type().In(0).Elem()
		for _, text := range c.Requests {
			request := reflect.New(kind).Interface().(proto.Message)
			c.fill(request, text)
			if stream.SendMsg(request) != nil {
				break // what it ended with is for receiving to tell
			}
		}
		check(stream.CloseSend())
	}
	receive := stub.MethodByName("Recv")
	if !receive.IsValid() {
		receive = stub.MethodByName("CloseAndRecv")
	}
	for {
		out := receive.Call(nil)
		if err, failed := out[1].Interface().(error); failed {
			if err == io.EOF {
				return nil
			}
			return err
		}
		c.tell(out[0].Interface().(proto.Message))
		if !stub.MethodByName("Recv").IsValid() {
			return nil
		}
	}
}

func (c *call) fill(request proto.Message, text json.RawMessage) {
	check(protojson.Unmarshal(text, request))
	if c.Fill > 0 {
		fields := request.ProtoReflect()
		field := fields.Descriptor().Fields().ByName("data")
		fields.Set(field, protoreflect.ValueOfBytes(make([]byte, c.Fill)))
	}
}

func (c *call) tell(reply proto.Message) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(reply)
	check(err)
	say(message{c.ID, text})
}
