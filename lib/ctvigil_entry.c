#include "lib/inner.h"
#include "parser/leaf.h"
#include "parser/tbs.h"

_Static_assert((int)CTVIGIL_ENTRY_X509 == (int)ENTRY_X509, "a public number has changed");
_Static_assert((int)CTVIGIL_ENTRY_PRECERT == (int)ENTRY_PRECERT, "a public number has changed");
_Static_assert((int)CTVIGIL_ENTRY_OPAQUE == (int)ENTRY_OPAQUE, "a public number has changed");

void ctvigil_entry_read(struct ctvigil_entry *entry, struct ctvigil_bytes leaf_input,
                        struct ctvigil_bytes extra_data)
{
    struct entry *inside = inner_entry_of(entry);

    *inside = (struct entry){.leaf_index = -1};
    leaf_read(inner_span(leaf_input), inside);
    leaf_read_extra(inner_span(extra_data), inside);
}

void ctvigil_entry_findings(const struct ctvigil_entry *entry, struct ctvigil_findings *findings)
{
    inner_findings(&inner_entry_in(entry)->findings, findings);
}

int ctvigil_entry_kind(const struct ctvigil_entry *entry)
{
    return (int)inner_entry_in(entry)->kind;
}

int64_t ctvigil_entry_timestamp_ms(const struct ctvigil_entry *entry)
{
    return inner_entry_in(entry)->timestamp_ms;
}

struct ctvigil_bytes ctvigil_entry_leaf(const struct ctvigil_entry *entry)
{
    return inner_bytes(inner_entry_in(entry)->leaf);
}

struct ctvigil_bytes ctvigil_entry_der(const struct ctvigil_entry *entry)
{
    return inner_bytes(inner_entry_in(entry)->cert_der);
}

struct ctvigil_bytes ctvigil_entry_tbs(const struct ctvigil_entry *entry)
{
    return inner_bytes(inner_entry_in(entry)->tbs);
}

struct ctvigil_bytes ctvigil_entry_issuer_key_hash(const struct ctvigil_entry *entry)
{
    return inner_bytes(inner_entry_in(entry)->issuer_key_hash);
}

struct ctvigil_bytes ctvigil_entry_extensions(const struct ctvigil_entry *entry)
{
    return inner_bytes(inner_entry_in(entry)->extensions);
}

int64_t ctvigil_entry_leaf_index(const struct ctvigil_entry *entry)
{
    return inner_entry_in(entry)->leaf_index;
}

bool ctvigil_entry_cert(const struct ctvigil_entry *entry, struct ctvigil_cert *cert)
{
    const struct entry *inside = inner_entry_in(entry);

    if (inside->kind == ENTRY_PRECERT)
        return tbs_read(inside->tbs, inner_cert_of(cert));
    return tbs_read_certificate(inside->cert_der, inner_cert_of(cert));
}

struct ctvigil_bytes ctvigil_entry_unverified_precert(const struct ctvigil_entry *entry)
{
    return inner_bytes(inner_entry_in(entry)->unverified_precert);
}

size_t ctvigil_entry_unverified_chain_count(const struct ctvigil_entry *entry)
{
    return inner_entry_in(entry)->chain_count;
}

struct ctvigil_bytes ctvigil_entry_unverified_fingerprints(const struct ctvigil_entry *entry)
{
    return inner_bytes(inner_entry_in(entry)->unverified_fingerprints);
}

struct ctvigil_bytes ctvigil_entry_unverified_chain(const struct ctvigil_entry *entry, size_t i)
{
    const struct entry *inside = inner_entry_in(entry);

    return inner_bytes(i < inside->chain_count ? inside->unverified_chain[i] : SPAN_NONE);
}
