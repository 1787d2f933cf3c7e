#include "parser/eku.h"

void eku_init(struct eku *eku, struct span ext_value)
{
    struct der outer;
    struct der_item item;

    eku->ignored = (struct finding_set){{0, 0}};
    eku->damaged = false;
    eku->in = der_of(SPAN_NONE, &eku->ignored);
    if (ext_value.at == NULL)
        return;
    outer = der_of(ext_value, &eku->ignored);
    eku->damaged = !der_expect(&outer, DER_SEQUENCE, &item) || !der_done(&outer);
    if (!outer.failed)
        eku->in = der_of(item.value, &eku->ignored);
}

bool eku_next(struct eku *eku, struct span *oid)
{
    struct der_item item;

    while (der_more(&eku->in)) {
        if (!der_next(&eku->in, &item)) {
            eku->damaged = true;
            return false;
        }
        if (item.tag == DER_OID) {
            *oid = item.value;
            return true;
        }
        eku->damaged = true;
    }
    return false;
}

const char *eku_usage_name(unsigned bit)
{
    static const char *const names[EKU_USAGES] = {
        "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
        "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly",
    };

    must(bit < EKU_USAGES);
    return names[bit];
}
