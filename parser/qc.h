/* Statements of qualified certificates (RFC 3739 section 3.2.6, ETSI EN 319 412-5): which ones there are.
 * Zero copy, no allocation. Of what a statement says only the types of QcType are read; the rest is handed
 * out as it stands. */
#ifndef CTVIGIL_QC_H
#define CTVIGIL_QC_H

#include "parser/der.h"
#include "parser/oid.h"

struct qc {
    struct der in;
    bool damaged; /* something could not be read */
    struct finding_set ignored;
};

struct qc_item {
    struct span oid;  /* content octets */
    enum oid id;      /* OID_QC_COMPLIANCE, OID_QC_TYPE, OID_QC_PSD2, ... */
    struct span info; /* the statementInfo with its header; absent when there is none */
};

/* `ext_value`: the value of a qcStatements extension (ext_find with OID_EXT_QC_STATEMENTS); absent gives
 * nothing. `qc` must not be copied afterwards. */
void qc_init(struct qc *qc, struct span ext_value);
/* The next statement. False: no more; `damaged` says whether that is the whole truth. */
bool qc_next(struct qc *qc, struct qc_item *item);

/* The identifiers inside the info of a QcType statement, one by one: `info` is cut down to what is left of
 * its content. Begin with qc_types(item). False: no more, or no identifier. */
struct span qc_types(const struct qc_item *item);
bool qc_next_type(struct span *rest, struct span *oid);

#endif
