// The Go side of bench_parse: crypto/x509 over the same certificates.
// usage: parse FILE   (FILE: length as four bytes, big-endian, and DER, again and again)
// Prints nanoseconds of CPU time per certificate, the best of five rounds, and how many were refused.
package main

import (
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
)

var sink int

func cpuNanoseconds() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func parseAll(certs [][]byte) (refused int) {
	for _, der := range certs {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			refused++
			continue
		}
		sink += len(cert.DNSNames) + len(cert.IPAddresses) + len(cert.EmailAddresses) + len(cert.URIs)
	}
	return refused
}

func main() {
	body, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(4)
	}
	var certs [][]byte
	for len(body) >= 4 {
		size := binary.BigEndian.Uint32(body)
		certs = append(certs, body[4:4+size])
		body = body[4+size:]
	}
	const passes = 20
	best := int64(1) << 62
	refused := 0
	for round := 0; round < 5; round++ {
		begin := cpuNanoseconds()
		for pass := 0; pass < passes; pass++ {
			refused = parseAll(certs)
		}
		if took := cpuNanoseconds() - begin; took < best {
			best = took
		}
	}
	fmt.Printf("%d %d\n", best/int64(passes*len(certs)), refused)
	if sink == 0 {
		os.Exit(1)
	}
}
