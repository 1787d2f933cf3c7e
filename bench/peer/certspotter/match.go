// The certspotter side of bench_match: its own watch list (monitor.WatchList.Matches) over the same names.
// usage: match LIST NAMES   (LIST: a watch list; NAMES: one DNS name a line)
// Built inside a copy of certspotter's source, because it needs its packages; ops/bench does that.
// Prints nanoseconds of CPU time per name, the best of three rounds, and how many names matched.
package main

import (
	"bufio"
	"fmt"
	"os"
	"syscall"

	"software.sslmate.com/src/certspotter"
	"software.sslmate.com/src/certspotter/monitor"
)

func cpuNanoseconds() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func open(path string) *os.File {
	file, err := os.Open(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return file
}

func main() {
	list, err := monitor.ReadWatchList(open(os.Args[1]))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var names []*certspotter.Identifiers
	for lines := bufio.NewScanner(open(os.Args[2])); lines.Scan(); {
		names = append(names, &certspotter.Identifiers{DNSNames: []string{lines.Text()}})
	}
	best := int64(1) << 62
	hits := 0
	for round := 0; round < 3; round++ {
		hits = 0
		begin := cpuNanoseconds()
		for _, name := range names {
			if matched, _ := list.Matches(name); matched {
				hits++
			}
		}
		if took := cpuNanoseconds() - begin; took < best {
			best = took
		}
	}
	fmt.Printf("%.1f %d\n", float64(best)/float64(len(names)), hits)
}
