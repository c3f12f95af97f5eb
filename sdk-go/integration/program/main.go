// The program of tests/tests/sdk_go: does what its words say, in order, and prints what came of it.
//
//	get REF       prints the value by GetSecret
//	use REF       prints a digest of the value, which stays out of the heap
//	env NAME      prints what Env knows, and what os.Getenv does
//	list          prints the references, paths and variables
//	file NAME     prints the file of FS
//	protection    prints the level
//	environ       prints the environment that it has
//	children      prints what /bin/sh finds of the region, without and with Share
//	wait          prints a line, and waits for one on standard input
//	reads N       reads all entries N times while they rotate, and counts mixtures
//	watch REF     waits for a rotation
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	cloudtaser "cloudtaser.io/sdk-go"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	store, err := cloudtaser.Open(context.Background(), cloudtaser.Shareable())
	if err != nil {
		return err
	}
	for len(words) > 0 {
		verb := words[0]
		words = words[1:]
		argument := ""
		if strings.Contains(" get use env file reads watch ", " "+verb+" ") {
			argument, words = words[0], words[1:]
		}
		if err := do(store, verb, argument); err != nil {
			return err
		}
	}
	return nil
}

func do(store *cloudtaser.Store, verb, argument string) error {
	switch verb {
	case "get":
		value, err := cloudtaser.GetSecret(argument)
		fmt.Println(value)
		return err
	case "use":
		return store.Use(argument, func(value []byte) error {
			fmt.Printf("%x\n", sha256.Sum256(value))
			return nil
		})
	case "env":
		value, ok := store.Env()(argument)
		plain, isPlain := os.LookupEnv(argument)
		fmt.Println(value, ok, plain, isPlain)
	case "list":
		infos, err := store.List()
		for _, info := range infos {
			fmt.Println(info.Reference, info.Path, info.Variable)
		}
		return err
	case "file":
		value, err := fs.ReadFile(store.FS(), argument)
		fmt.Printf("%s\n", value)
		return err
	case "protection":
		fmt.Println(store.Protection())
	case "environ":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "children":
		return children(store)
	case "wait":
		fmt.Println("waiting")
		_, err := bufio.NewReader(os.Stdin).ReadString('\n')
		return err
	case "reads":
		return reads(store, argument)
	case "watch":
		return watch(store, argument)
	default:
		return fmt.Errorf("unknown word %q", verb)
	}
	return nil
}

// children starts this program itself, which finds the region or does not.
func children(store *cloudtaser.Store) error {
	for _, isShared := range []bool{false, true} {
		cmd := exec.Command("/proc/self/exe", "protection")
		if isShared {
			if err := store.Share(cmd); err != nil {
				return err
			}
		}
		output, _ := cmd.CombinedOutput()
		fmt.Printf("shared=%v: %s", isShared, output)
	}
	return nil
}

// reads checks that every value is whole: a writer in Rust makes values that say in their first
// bytes which one they are, and all other bytes follow (tests/src/bin/sdk_rotating.rs).
func reads(store *cloudtaser.Store, argument string) error {
	count, err := strconv.Atoi(argument)
	if err != nil {
		return err
	}
	infos, err := store.List()
	if err != nil {
		return err
	}
	const readers = 4
	var all sync.WaitGroup
	mixtures, versions := [readers]int{}, [readers]int{}
	start := time.Now()
	for reader := range readers {
		all.Add(1)
		go func() {
			defer all.Done()
			last := make([]uint64, len(infos))
			for i := range count / readers {
				which := 0
				if i%8 == 0 {
					which = i / 8 % len(infos)
				}
				err := store.Use(infos[which].Reference, func(value []byte) error {
					number, ok := whole(value)
					if !ok || number < last[which] {
						mixtures[reader]++
					}
					if number != last[which] {
						versions[reader]++
					}
					last[which] = number
					return nil
				})
				if err != nil {
					mixtures[reader]++
				}
			}
		}()
	}
	all.Wait()
	sum := func(of [readers]int) (n int) {
		for _, one := range of {
			n += one
		}
		return n
	}
	fmt.Printf("reads %d mixtures %d versions %d\n", count/readers*readers, sum(mixtures),
		sum(versions))
	fmt.Fprintf(os.Stderr, "%v\n", time.Since(start))
	return nil
}

// whole gives a value's number, if all of it is of that number.
func whole(value []byte) (uint64, bool) {
	if len(value) < 8 {
		return 0, false
	}
	number := binary.LittleEndian.Uint64(value)
	seed := byte(number * 0x9e3779b97f4a7c15 >> 56)
	rest := value[8:]
	return number, bytes.Count(rest, []byte{seed}) == len(rest) && len(value)%4 == 0
}

func watch(store *cloudtaser.Store, ref string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	changes, err := store.Watch(ctx, ref)
	if err != nil {
		return err
	}
	fmt.Println("watching")
	change, ok := <-changes
	fmt.Println("changed", ok, change.Version > 0, time.Since(change.Published) < time.Minute)
	return nil
}
