// Command read prints a file, or with "env" a variable.
package main

import (
	"fmt"
	"os"
)

func main() {
	if os.Args[1] == "env" {
		fmt.Println(os.Getenv(os.Args[2]))
		return
	}
	data, err := os.ReadFile(os.Args[2])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Stdout.Write(data)
}
