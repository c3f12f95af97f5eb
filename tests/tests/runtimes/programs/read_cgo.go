// Command read_cgo prints a file or a variable, through Go's own calls or the C library's.
package main

/*
#include <stdio.h>
#include <stdlib.h>
static int show(const char *path) {
	FILE *file = fopen(path, "r");
	int c;
	if (!file) return 1;
	while ((c = getc(file)) != EOF) putchar(c);
	fclose(file);
	return fflush(stdout);
}
static void value(const char *name) {
	const char *text = getenv(name);
	puts(text ? text : "unset");
	fflush(stdout);
}
*/
import "C"

import (
	"fmt"
	"os"
)

func main() {
	how, what := os.Args[1], os.Args[2]
	switch how {
	case "c":
		os.Exit(int(C.show(C.CString(what))))
	case "c-env":
		C.value(C.CString(what))
	case "env":
		value, is := os.LookupEnv(what)
		fmt.Println(value, is)
	default:
		data, err := os.ReadFile(what)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Stdout.Write(data)
	}
}
