/* Reports of the CCADB, the database that root programs share: certificates as PEM, all records
 * (revocations), roots with their trust bits; and Apple's list of roots and distrust dates as a table of
 * one's own. */
#ifndef CTVIGIL_FROM_CCADB_H
#define CTVIGIL_FROM_CCADB_H

#include "trust/catake.h"
#include "trust/csvread.h"

void from_ccadb_pems(struct csvread *csv, struct catake *take, struct catake_file *file);
/* "Included" says nothing of purposes, so that only revocations and owners are taken. */
void from_ccadb_records(struct csvread *csv, struct catake *take, struct catake_file *file);
/* Of Microsoft and Apple; Mozilla and Chrome have better lists of their own. */
void from_ccadb_roots(struct csvread *csv, struct catake *take, struct catake_file *file);
/* sha256, action (trusted, removed, distrust-after), date, name */
void from_ccadb_apple(struct csvread *csv, struct catake *take, struct catake_file *file);
/* Names of CAs in CAA records, by certificate. */
void from_ccadb_caa(struct csvread *csv, struct catake *take, struct catake_file *file);
/* A file of certificates as PEM. */
void from_ccadb_bundle(struct span text, struct catake *take, struct catake_file *file);
/* How many certificates of a PEM text were taken. */
uint64_t from_ccadb_pem(struct span text, struct catake *take);

#endif
