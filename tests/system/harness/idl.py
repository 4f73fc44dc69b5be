# SPDX-License-Identifier: Apache-2.0
"""Python's IDL (python3-openvswitch) as tests drive it."""
from ovs.db import idl as ovs_idl

from harness import lab as lab_module
from harness import wait


class Idl:
    """An IDL of the small schema, driven to a state by run(): of everything, or of `columns` of
    T."""

    def __init__(self, remote, lock=None, columns=None, leader_only=True):
        helper = ovs_idl.SchemaHelper(schema_json=lab_module.schema("small"))
        if columns:
            helper.register_columns("T", columns)
        else:
            helper.register_all()
        self.idl = ovs_idl.Idl(remote, helper, leader_only=leader_only)
        if lock:
            self.idl.set_lock(lock)
        self.events = []
        self.idl.notify = lambda event, row, updates=None: self.events.append(
            (event, row._table.name, row.uuid, updates))

    def until(self, condition, what):
        def step():
            self.idl.run()
            return condition()

        return wait.until(step, what)

    def insert(self, name):
        def change(txn):
            txn.insert(self.idl.tables["T"]).name = name

        return self.commit(change)

    def connect(self):
        self.until(self.idl.has_ever_connected, "the contents")
        return self

    def rows(self, table):
        return list(self.idl.tables[table].rows.values())

    def commit(self, change):
        """Runs change(transaction) in a transaction until it is over; returns the transaction."""
        while True:
            seqno = self.idl.change_seqno
            txn = ovs_idl.Transaction(self.idl)
            change(txn)
            status = [txn.commit()]

            def over():
                if status[0] == ovs_idl.Transaction.INCOMPLETE:
                    status[0] = txn.commit()
                return status[0] != ovs_idl.Transaction.INCOMPLETE

            self.until(over, "the end of a transaction")
            if status[0] != ovs_idl.Transaction.TRY_AGAIN:
                assert status[0] in (ovs_idl.Transaction.SUCCESS,
                                     ovs_idl.Transaction.UNCHANGED), txn.get_error()
                return txn
            self.until(lambda s=seqno: self.idl.change_seqno != s, "news")
