/* What the tests of the public header share: certificates of every sort, and the two kinds of spans compared.
 */
#ifndef CTVIGIL_FACADE_H
#define CTVIGIL_FACADE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/ctvigil/parser.h"
#include "parser/tbs.h"
#include "tests/unit/sample.h"

static const char *const facade_files[] = {
    "tbs/plain.der",      "tbs/final.der",      "tbs/poison.der",    "tbs/kinds.der",
    "tbs/twosan.der",     "tbs/badsan.der",     "tbs/cut.der",       "tbs/v1.der",
    "tbs/indefinite.der", "tbs/longlength.der", "tbs/precertca.der",
};

static inline bool facade_same(struct ctvigil_bytes ours, struct span theirs)
{
    return ours.data == theirs.at && ours.size == theirs.len;
}

static inline bool facade_absent(struct ctvigil_bytes bytes)
{
    return bytes.data == NULL && bytes.size == 0;
}

/* Calls `check` with each file, read both ways. */
static inline void facade_each(void (*check)(const struct ctvigil_cert *ours, const struct cert *theirs))
{
    for (size_t i = 0; i < countof(facade_files); i++) {
        struct span der = sample_load(facade_files[i]);
        struct ctvigil_cert ours;
        struct cert theirs;
        assert_int_equal(ctvigil_cert_read(&ours, der.at, der.len), tbs_read_certificate(der, &theirs));
        check(&ours, &theirs);
        sample_free(der);
    }
}

#endif
