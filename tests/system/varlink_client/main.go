// SPDX-License-Identifier: Apache-2.0

// A varlink client that is not of our making: https://github.com/varlink/go on the control socket.
// It prints one line of JSON for each of the steps that its arguments name.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/varlink/go/varlink"
	"github.com/varlink/go/varlink/idl"
)

const control = "org.ovsdbd.control."

type object map[string]interface{}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func show(value interface{}) {
	text, err := json.Marshal(value)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(text))
}

func info(ctx context.Context, c *varlink.Connection) {
	var vendor, product, version, url string
	var interfaces []string
	if err := c.GetInfo(ctx, &vendor, &product, &version, &url, &interfaces); err != nil {
		fail(err)
	}
	show(object{"vendor": vendor, "product": product, "version": version, "interfaces": interfaces})
}

// The description as the library's own parser understands it.
func describe(ctx context.Context, c *varlink.Connection, name string) {
	text, err := c.GetInterfaceDescription(ctx, name)
	if err != nil {
		fail(err)
	}
	parsed, err := idl.New(text)
	if err != nil {
		fail(err)
	}
	methods := []string{}
	for _, method := range parsed.Methods {
		methods = append(methods, method.Name)
	}
	failures := []string{}
	for _, failure := range parsed.Errors {
		failures = append(failures, failure.Name)
	}
	show(object{"name": parsed.Name, "methods": methods, "errors": failures})
}

func call(ctx context.Context, c *varlink.Connection, method string, parameters string) {
	var in, out json.RawMessage = json.RawMessage(parameters), nil
	err := c.Call(ctx, method, in, &out)
	if failure, ok := err.(*varlink.Error); ok {
		show(object{"error": failure.Name, "parameters": failure.Parameters})
	} else if err != nil {
		show(object{"error": fmt.Sprintf("%T", err), "parameters": err})
	} else {
		show(out)
	}
}

// Prints an answer each time one comes, `n` of them.
func watch(ctx context.Context, c *varlink.Connection, method string, n int) {
	receive, err := c.Send(ctx, method, object{}, varlink.More)
	if err != nil {
		fail(err)
	}
	for i := 0; i < n; i++ {
		var out json.RawMessage
		flags, err := receive(ctx, &out)
		if err != nil {
			fail(err)
		}
		show(object{"continues": flags&varlink.Continues != 0, "parameters": out})
	}
}

func oneway(ctx context.Context, c *varlink.Connection, method string, parameters string) {
	_, err := c.Send(ctx, method, json.RawMessage(parameters), varlink.Oneway)
	if err != nil {
		fail(err)
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := varlink.NewConnection(ctx, "unix:"+os.Args[1])
	if err != nil {
		fail(err)
	}
	defer c.Close()
	for arguments := os.Args[2:]; len(arguments) >= 3; arguments = arguments[3:] {
		method := control + arguments[1]
		switch arguments[0] {
		case "info":
			info(ctx, c)
		case "describe":
			describe(ctx, c, arguments[1])
		case "call":
			call(ctx, c, method, arguments[2])
		case "call-full":
			call(ctx, c, arguments[1], arguments[2])
		case "oneway":
			oneway(ctx, c, method, arguments[2])
		case "watch":
			var n int
			fmt.Sscan(arguments[2], &n)
			watch(ctx, c, method, n)
		}
	}
}
