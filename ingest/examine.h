/* Bytes of one entry to everything that is known of it: parse, names, fingerprints. Pure apart from hashing;
 * used by the workers for every entry and by `ctvigil cert` for files. */
#ifndef CTVIGIL_EXAMINE_H
#define CTVIGIL_EXAMINE_H

#include "base/arena.h"
#include "model/entry.h"

/* `entry` was framed by parser/leaf.h (kind, leaf, cert_der or tbs, unverified_*). Fills leaf_hash, cert,
 * issuance (with names in `arena`), sighting.sha256, form, index, timestamp; merges findings. The byte before
 * leaf.at must be 0x00 and belong to the caller's memory (leaf hash prefix). Issuer key: from the leaf for a
 * precert; for a final certificate from the first of the chain whose subject equals the issuer (issuer_proven
 * stays false), whatever order it comes in; when the chain is given by fingerprints the caller fills it
 * afterwards with examine_issuer.
 *
 * The pre_certificate of a precert has to be the leaf's TBS with a poison more, or with the names of a
 * precertificate signing certificate, which is the first of the chain; where no chain is at hand these names
 * may be any. One that is not is FINDING_PRECERT_MISMATCH, and its hash is nothing that sighting.sha256 could
 * say: that stays zero, as without a pre_certificate. Its signature is not checked. */
void examine_entry(struct entry *entry, struct arena *arena);
/* The same for each of `count` entries, faster: they are hashed side by side. */
void examine_entries(struct entry *entries, size_t count, struct arena *arena);

/* Uses the DER of the first issuer certificate (checked by its hash before) for a final certificate. */
void examine_issuer(struct entry *entry, struct span issuer_der);

/* For a watched final certificate: checks its signature with the key of `issuer_der`, then with those of all
 * certificates of its chain (verify/certsig.h), and sets issuer_proven, or clears issuer_known and adds
 * FINDING_ISSUER_UNVERIFIED. Also for a precert: checks that unverified_precert fits the leaf, as
 * examine_entry, now that the issuer is at hand. */
void examine_prove_issuer(struct entry *entry, struct span issuer_der);

/* One certificate from a file: DER of a certificate or precertificate. Fills cert and issuance; false when
 * nothing at all could be read (findings say why). tbs_fp is that of the shared TBS. */
bool examine_certificate(struct span der, struct arena *arena, struct cert *cert, struct issuance *issuance,
                         uint8_t sha256[32]);
/* The same for a bare TBSCertificate, with its header; findings say what could not be read. */
void examine_tbs(struct span tbs, struct arena *arena, struct cert *cert, struct issuance *issuance);

#endif
