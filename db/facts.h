/* The column cert.facts: what can be said of an issuance in 63 bits, so that policies and reviews need no
 * DER. The same table stands in docs/data-model.md; the bits are stored and never change their meaning. */
#ifndef CTVIGIL_FACTS_H
#define CTVIGIL_FACTS_H

#include "model/issuance.h"

#define FACTS_FLAGS_MASK     UINT64_C(0x7fffffff) /* enum cert_flag */
#define FACTS_NO_IPS         (UINT64_C(1) << 31)  /* no address is in cert_ip; not set: look there */
#define FACTS_KEY_ALG_SHIFT  32                   /* 4 bits, enum cert_key_alg */
#define FACTS_KEY_BITS_SHIFT 36                   /* 16 bits; 65535: that many or more */
#define FACTS_ISSUER_KNOWN   (UINT64_C(1) << 52)  /* the issuer row holds a key */
#define FACTS_ISSUER_PROVEN  (UINT64_C(1) << 53)  /* by the sighting that was stored first */
#define FACTS_CN_FIRST       (UINT64_C(1) << 54)  /* the first name is the common name; cn is NULL then */
#define FACTS_PLACEHOLDER    (UINT64_C(1) << 55)  /* some name has a label that could not be read */
#define FACTS_PECULIAR       (UINT64_C(1) << 56)  /* gravest finding: something is odd */
#define FACTS_BROKEN         (UINT64_C(1) << 57)  /* gravest finding: something could not be read */
#define FACTS_SIGNING_SHIFT  58                   /* 5 bits, enum signing; 0: stored before it was kept */

static inline bool facts_has_ip(const struct issuance *issuance)
{
    for (size_t i = 0; i < issuance->name_count; i++) {
        if (issuance->names[i].kind == NAME_IP)
            return true;
    }
    return false;
}

static inline int64_t facts_pack(const struct issuance *issuance, bool cn_first)
{
    uint64_t bits = issuance->key_bits < 65535 ? issuance->key_bits : 65535;
    uint64_t facts = issuance->cert_flags & FACTS_FLAGS_MASK;
    facts |= facts_has_ip(issuance) ? 0 : FACTS_NO_IPS;
    facts |= (uint64_t)(issuance->key_alg & 15u) << FACTS_KEY_ALG_SHIFT;
    facts |= bits << FACTS_KEY_BITS_SHIFT;
    facts |= issuance->issuer_known ? FACTS_ISSUER_KNOWN : 0;
    facts |= issuance->issuer_proven ? FACTS_ISSUER_PROVEN : 0;
    facts |= cn_first ? FACTS_CN_FIRST : 0;
    facts |= issuance_has_placeholder(issuance) ? FACTS_PLACEHOLDER : 0;
    facts |= finding_none(&issuance->findings) ? 0 : FACTS_PECULIAR;
    facts |= finding_any_broken(&issuance->findings) ? FACTS_BROKEN : 0;
    facts |= (uint64_t)(issuance->signing & 31u) << FACTS_SIGNING_SHIFT;
    return (int64_t)facts;
}

/* Everything the number holds, back into `issuance`; the other members are left alone. */
static inline void facts_unpack(int64_t stored, struct issuance *issuance)
{
    uint64_t facts = (uint64_t)stored;
    issuance->cert_flags = (uint32_t)(facts & FACTS_FLAGS_MASK);
    issuance->key_alg = (uint8_t)(facts >> FACTS_KEY_ALG_SHIFT & 15u);
    issuance->key_bits = (uint32_t)(facts >> FACTS_KEY_BITS_SHIFT & 0xffffu);
    issuance->signing = (uint8_t)(facts >> FACTS_SIGNING_SHIFT & 31u);
    issuance->issuer_known = (facts & FACTS_ISSUER_KNOWN) != 0;
    issuance->issuer_proven = (facts & FACTS_ISSUER_PROVEN) != 0;
}

/* cert.findings: the two words of the set, big-endian. */
#define FACTS_FINDINGS_BYTES 16

static inline void facts_findings_store(const struct finding_set *set, uint8_t out[FACTS_FINDINGS_BYTES])
{
    for (int i = 0; i < FACTS_FINDINGS_BYTES; i++)
        out[i] = (uint8_t)(set->bits[i / 8] >> (56 - 8 * (i % 8)));
}

static inline struct finding_set facts_findings_load(struct span stored)
{
    struct finding_set set = {{0, 0}};
    for (size_t i = 0; i < stored.len && i < FACTS_FINDINGS_BYTES; i++)
        set.bits[i / 8] |= (uint64_t)stored.at[i] << (56 - 8 * (i % 8));
    return set;
}

/* Column log_tile.info: 9 bytes an entry. */
enum facts_form {
    FACTS_FORM_FINAL = 0,
    FACTS_FORM_PRECERT = 1,
    FACTS_FORM_UNPARSED = 2,
    FACTS_FORM_ABSENT = 3,
    FACTS_FORM_POISONED = 4 /* before step 0089 such an entry was 1 */
};

#define FACTS_SQL_READABLE "IN (0, 1, 4)" /* forms of what could be read: final, precert, poisoned */

static inline bool facts_form_readable(uint8_t form)
{
    return form <= FACTS_FORM_PRECERT || form == FACTS_FORM_POISONED;
}

static inline uint8_t facts_form_pack(enum issuance_form form)
{
    return form == ISSUANCE_PRECERT    ? FACTS_FORM_PRECERT
           : form == ISSUANCE_POISONED ? FACTS_FORM_POISONED
                                       : FACTS_FORM_FINAL;
}

/* Of a readable one. */
static inline enum issuance_form facts_form_unpack(int64_t stored)
{
    return stored == FACTS_FORM_PRECERT    ? ISSUANCE_PRECERT
           : stored == FACTS_FORM_POISONED ? ISSUANCE_POISONED
                                           : ISSUANCE_FINAL;
}

#define FACTS_INFO_BYTES 9 /* u48 timestamp in ms, u8 form, u16 not_after in days since 1970, clamped */

#endif
