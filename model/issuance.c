#include "model/issuance.h"

int64_t issuance_validity_s(const struct issuance *issuance)
{
    return issuance->not_after - issuance->not_before + 1;
}

bool issuance_has_placeholder(const struct issuance *issuance)
{
    for (size_t i = 0; i < issuance->name_count; i++)
        if ((issuance->names[i].flags & NAME_PLACEHOLDER) != 0)
            return true;
    return false;
}

size_t issuance_cn_name(const struct issuance *issuance)
{
    for (size_t i = 0; issuance->subject_cn.len != 0 && i < issuance->name_count; i++) {
        if (issuance->names[i].kind == NAME_DNS && span_eq(issuance->names[i].text, issuance->subject_cn))
            return i;
    }
    return issuance->name_count;
}

bool issuance_is_parsed(const struct issuance *issuance)
{
    static const uint8_t none[32];
    if (memcmp(issuance->tbs_fp, none, sizeof none) == 0)
        return false;
    return issuance->issuer.len != 0 || !finding_has(&issuance->findings, FINDING_CERTIFICATE_UNREADABLE);
}

const char *issuance_form_name(enum issuance_form form)
{
    return form == ISSUANCE_PRECERT ? "precert" : form == ISSUANCE_POISONED ? "poisoned" : "final";
}
