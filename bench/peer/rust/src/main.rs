//! The Rust side of bench_parse: x509-parser over the same certificates.
//! usage: parse FILE   (FILE: length as four bytes, big-endian, and DER, again and again)
//! Prints nanoseconds of CPU time per certificate, the best of five rounds, and how many were refused.
use std::hint::black_box;
use x509_parser::prelude::*;

const PASSES: usize = 50;

fn cpu_ns() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

fn parse_all(certs: &[&[u8]]) -> usize {
    let mut refused = 0;
    for der in certs {
        match X509Certificate::from_der(der) {
            Ok((_, cert)) => {
                if let Ok(Some(san)) = cert.subject_alternative_name() {
                    black_box(san.value.general_names.len());
                }
            }
            Err(_) => refused += 1,
        }
    }
    refused
}

fn main() {
    let path = std::env::args().nth(1).expect("usage: parse FILE");
    let body = std::fs::read(path).expect("FILE can not be read");
    let mut certs = Vec::new();
    let mut rest = &body[..];
    while rest.len() >= 4 {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        certs.push(&rest[4..4 + size]);
        rest = &rest[4 + size..];
    }
    let mut best = i64::MAX;
    let mut refused = 0;
    for _ in 0..5 {
        let begin = cpu_ns();
        for _ in 0..PASSES {
            refused = parse_all(&certs);
        }
        best = best.min(cpu_ns() - begin);
    }
    println!("{} {}", best / (PASSES * certs.len()) as i64, refused);
}
