/* The words of the public header that belong to no object: version, findings, identifiers, text. */
#include "lib/inner.h"
#include "parser/dn.h"
#include "parser/oid.h"

_Static_assert(sizeof(struct finding_set) <= sizeof(struct ctvigil_findings), "there is room for findings");
_Static_assert(CTVIGIL_OID_TEXT >= OID_TEXT_MAX, "there is room for the text of an identifier");

const char *ctvigil_version(void)
{
    return CTVIGIL_VERSION;
}

static bool is_known(int finding)
{
    return finding >= 0 && finding < FINDING_COUNT;
}

int ctvigil_finding_count(void)
{
    return FINDING_COUNT;
}

const char *ctvigil_finding_name(int finding)
{
    return is_known(finding) ? finding_name((enum finding)finding) : NULL;
}

const char *ctvigil_finding_rule(int finding)
{
    return is_known(finding) ? finding_rule((enum finding)finding) : NULL;
}

const char *ctvigil_finding_sentence(int finding)
{
    return is_known(finding) ? finding_sentence((enum finding)finding) : NULL;
}

bool ctvigil_finding_is_broken(int finding)
{
    return is_known(finding) && finding_severity((enum finding)finding) == FINDING_BROKEN;
}

bool ctvigil_findings_has(const struct ctvigil_findings *findings, int finding)
{
    struct finding_set set = inner_set(findings);

    return is_known(finding) && finding_has(&set, (enum finding)finding);
}

int ctvigil_findings_next(const struct ctvigil_findings *findings, int after)
{
    if (after >= FINDING_COUNT)
        return -1;
    for (int finding = after < 0 ? 0 : after + 1; finding < FINDING_COUNT; finding++) {
        if (ctvigil_findings_has(findings, finding))
            return finding;
    }
    return -1;
}

bool ctvigil_findings_any_broken(const struct ctvigil_findings *findings)
{
    struct finding_set set = inner_set(findings);

    return finding_any_broken(&set);
}

const char *ctvigil_oid_name(struct ctvigil_bytes oid)
{
    return oid_short(oid_find(inner_span(oid)));
}

char *ctvigil_oid_text(struct ctvigil_bytes oid, char *out)
{
    return oid_text(inner_span(oid), out);
}

size_t ctvigil_utf8(uint32_t tag, struct ctvigil_bytes value, char *out, size_t cap)
{
    return dn_utf8(tag, inner_span(value), (uint8_t *)out, cap);
}
