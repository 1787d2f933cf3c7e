#include "lib/inner.h"
#include "parser/ext.h"
#include "parser/qc.h"

struct walk {
    struct qc qc;
    struct qc_item item;
};

INNER(walk, struct walk, struct ctvigil_qc)

void ctvigil_qc_begin(struct ctvigil_qc *qc, const struct ctvigil_cert *cert)
{
    struct walk *walk = walk_of(qc);
    struct ext_item ext = {.value = SPAN_NONE};

    walk->item = (struct qc_item){.id = OID_UNKNOWN};
    (void)ext_find(inner_cert_in(cert), OID_EXT_QC_STATEMENTS, &ext);
    qc_init(&walk->qc, ext.value);
}

bool ctvigil_qc_next(struct ctvigil_qc *qc)
{
    struct walk *walk = walk_of(qc);

    if (qc_next(&walk->qc, &walk->item))
        return true;
    walk->item = (struct qc_item){.id = OID_UNKNOWN};
    return false;
}

struct ctvigil_bytes ctvigil_qc_oid(const struct ctvigil_qc *qc)
{
    return inner_bytes(walk_in(qc)->item.oid);
}

struct ctvigil_bytes ctvigil_qc_info(const struct ctvigil_qc *qc)
{
    return inner_bytes(walk_in(qc)->item.info);
}

bool ctvigil_qc_damaged(const struct ctvigil_qc *qc)
{
    return walk_in(qc)->qc.damaged;
}
