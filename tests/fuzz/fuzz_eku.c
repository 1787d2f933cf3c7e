/* What the walk gives out, written again as a SEQUENCE OF OID, is the extension, whenever it was neither
 * damaged nor written in another form than DER's; and the bits in struct cert are those of the walk. */
#include "parser/eku.h"
#include "parser/ext.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct ext_item item = {.id = OID_EXT_EKU, .value = input};
    struct cert cert = {.path_len = -1};
    uint32_t flags = CERT_HAS_EKU;
    struct eku eku;
    struct span oid;
    size_t total = 0;

    eku_init(&eku, input);
    while (eku_next(&eku, &oid)) {
        uint8_t header[6];
        inside(input, oid);
        total += der_header(DER_OID, oid.len, header) + oid.len;
        enum oid id = oid_find(oid);
        flags |= id == OID_EKU_SERVER_AUTH       ? CERT_SERVER_AUTH
                 : id == OID_EKU_CLIENT_AUTH     ? CERT_CLIENT_AUTH
                 : id == OID_EKU_ANY             ? CERT_ANY_EKU
                 : id == OID_EKU_PRECERT_SIGNING ? CERT_PRECERT_SIGNING
                                                 : 0u;
    }
    must(!eku_next(&eku, &oid));
    must(ext_read_value(&cert, &item) == !eku.damaged);
    must(eku.damaged || cert.flags == flags);
    if (!eku.damaged && finding_none(&eku.ignored)) {
        uint8_t header[6];
        must(der_header(DER_SEQUENCE, total, header) + total == size);
    }
    return 0;
}
