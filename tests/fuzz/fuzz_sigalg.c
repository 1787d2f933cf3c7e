/* An AlgorithmIdentifier is its header, its OID and its parameters, in this order, and they are all of it.
 * Parameters of PSS that can be read have numbers in range. */
#include "parser/der.h"
#include "parser/sigalg.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct sigalg alg;
    struct sigalg_pss pss;

    if (sigalg_read(input, &alg)) {
        inside(input, alg.whole);
        inside(alg.whole, alg.oid);
        inside(alg.whole, alg.params);
        must(alg.id == oid_find(alg.oid));
        must(alg.params.at == NULL || alg.params.at == alg.oid.at + alg.oid.len);
        must(alg.params.at == NULL || alg.params.len != 0);
    }
    if (sigalg_pss(input, &pss)) {
        inside(input, pss.hash_oid);
        inside(input, pss.mgf_oid);
        inside(input, pss.mgf_hash_oid);
        must(pss.salt_length != UINT32_MAX && pss.trailer != UINT32_MAX);
        must(pss.hash == (pss.hash_oid.at == NULL ? OID_HASH_SHA1 : oid_find(pss.hash_oid)));
    }
    return 0;
}
