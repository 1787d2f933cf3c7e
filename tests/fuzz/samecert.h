/* Two readings of the same bytes are the same when every field is: spans by address, and nothing left over
 * from before, so both structs are to be filled with different bytes first (samecert_spoil). */
#ifndef CTVIGIL_SAMECERT_H
#define CTVIGIL_SAMECERT_H

#include "parser/swift.h"
#include "parser/tbs.h"

static inline void samecert_spoil(struct cert *cert, int octet)
{
    memset(cert, octet, sizeof *cert);
}

static inline void samecert_clear_padding(struct cert *cert)
{
    enum {
        FIRST = offsetof(struct cert, key_usage_bits) + sizeof cert->key_usage_bits,
        SECOND = offsetof(struct cert, key_alg) + sizeof cert->key_alg,
    };

    memset((uint8_t *)cert + FIRST, 0, offsetof(struct cert, key_alg) - FIRST);
    memset((uint8_t *)cert + SECOND, 0, offsetof(struct cert, findings) - SECOND);
}

static inline bool samecert(struct cert *a, struct cert *b)
{
    samecert_clear_padding(a);
    samecert_clear_padding(b);
    return memcmp(a, b, sizeof *a) == 0;
}

/* Holds the quick reader against the other one, over a certificate and over a bare TBS. True: the quick
 * reader took it as a certificate. */
static inline bool samecert_both_ways(struct span input)
{
    struct cert quick;
    struct cert slow;

    samecert_spoil(&quick, 0x55);
    samecert_spoil(&slow, 0xaa);
    bool taken = swift_certificate(input, &quick);
    bool good = tbs_reread_certificate(input, &slow);
    must(!taken || (good && finding_none(&slow.findings) && samecert(&quick, &slow)));
    samecert_spoil(&quick, 0x55);
    must(tbs_read_certificate(input, &quick) == good && samecert(&quick, &slow));

    samecert_spoil(&quick, 0x55);
    samecert_spoil(&slow, 0xaa);
    bool bare = swift_tbs(input, &quick);
    good = tbs_reread(input, &slow);
    must(!bare || (good && finding_none(&slow.findings) && samecert(&quick, &slow)));
    samecert_spoil(&quick, 0x55);
    must(tbs_read(input, &quick) == good && samecert(&quick, &slow));
    return taken;
}

#endif
