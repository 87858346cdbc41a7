// What tests run on a cluster: answers every request on port 8080 with its pod's name and $VERSION, keeps its answers
// coming while it is being ended, and is gone within $GRACE (default 2s) of SIGTERM.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	name, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	grace, err := time.ParseDuration(os.Getenv("GRACE"))
	if err != nil {
		grace = 2 * time.Second
	}
	server := &http.Server{Addr: ":8080", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Println(r.RemoteAddr, r.Method, r.URL.Path)
		fmt.Fprintln(w, name, os.Getenv("VERSION"))
	})}
	ended, release := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer release()
	go func() {
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	log.Println("serving as", name)
	<-ended.Done()
	// the endpoint is taken out of Services while this waits
	time.Sleep(grace)
	if err := server.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	log.Println("ended")
}
