# SPDX-License-Identifier: Apache-2.0
"""Where ovsdbd deliberately behaves otherwise than the reference server (Debian's ovsdb-server), and why.

A test names its difference with @pytest.mark.difference("NAME"), a case of a table with the member
"difference". Such a test must fail on the reference server: an entry that no longer holds shows up as a
failure of the run with --reference.
"""
REASONS = {
    "least-integer-negated":
        "-2^63 *= -1 is a range error (RFC 7047 5.1); the reference server wraps around silently",
    "least-integer-modulo":
        "-2^63 %= -1 is 0; the reference server calls it out of range",
    "released-row-collected":
        "a row whose last strong reference goes with the weak half of its pair is collected in the"
        " same commit; the reference server keeps it until another transaction touches it",
    "real-digits":
        "reals keep 17 digits where 15 do not read back the same; the reference server changes such values",
    "cancel-answered":
        "RFC 7047 4.1.4: the canceled request gets the error \"canceled\"; the reference server drops it in"
        " silence",
    "member-order":
        "what is printed has its members sorted by name; the reference server prints them in hash order",
    "oversized-message":
        "a message may have a limited size; the reference server collects it until memory ends",
    "modify-select-per-column":
        "a change of columns whose request deselects modify is silent; the reference server sends an update"
        " with nothing in \"old\" when another request of the table selects modify",
    "where-of-every-request":
        "rows that any of a table's requests asks for are shown, at the start and when conditions"
        " change; the reference server takes the conditions of one of them",
    "condition-change-dated":
        "an update3 says of which transaction a new condition's rows are, even if none comes or goes:"
        " who resumes from an older one would hear of rows it never had; the reference server says nothing",
    "wildcards-apart":
        "ptcp:PORT and ptcp:PORT:[::] work beside each other, and why an address cannot be listened on"
        " is in its row; the reference server's second listener fails, and only its log says so",
    "bad-remote-refused":
        "a remote that can never work is refused at once, and so is one that a command adds and that"
        " cannot be listened on; the reference server logs and keeps it",
    "status-command":
        "what the server waits for (remotes, keys) is in ovsdb-server/status; the reference server lacks the command",
    "socket-of-a-server":
        "the socket file of a running server is left to it; the reference server removes it and takes its place",
    "damage-refused":
        "a file is cut only where an interrupted write explains it: a wrong hash, also of the last"
        " record, or what follows the records is damage, and nothing is served before somebody looks"
        " at it; the reference server silently serves what comes before",
    "signals-end-cleanly":
        "SIGTERM and SIGINT are the usual ways to end a service: status 0 and no warning; the reference server"
        " warns and dies of the signal",
    "failed-add-db-is-harmless":
        "a database whose name is in use is refused; the reference server then also loses the one it had",
    "backup-status-is-live":
        "sync-status says \"connecting\" as soon as the active server is gone, and a database that is"
        " not replicated is a warning; the reference server says neither",
    "sync-status-by-database":
        "sync-status has a block for each database, as current servers print it; the reference server, an older"
        " one, has one for the server",
    "help-complete":
        "--help names every option",
    "weak-drop-written":
        "what a commit drops from weak references is in its record; the reference server leaves it out for rows"
        " that the transaction modified itself, and shows the references again after a restart",
    "difference-to-a-default":
        "a difference is taken from the value that the row has, a default too; the reference server takes it"
        " from nothing when it reads its file and then shows another value than before",
    "resume":
        "monitor_cond_since resumes on a standalone server too; the reference server knows transaction ids only"
        " in a cluster",
    "convert-told":
        "a conversion shows in _Server at once; the reference server tells nobody who monitors it",
    "convert-names-the-value":
        "a refused conversion names the table, the row and the column",
    "convert-own":
        "the server's own database is not converted; the reference server does it",
    "restore-keeps-uuids":
        "what is restored keeps its UUIDs; with the reference server every row gets a new one",
    "restore-from-a-pipe":
        "a backup may come through a pipe",
    "restore-names-the-damage":
        "what is wrong with a backup is said by record and offset",
    "restore-force-fits":
        "restore --force leaves out what the server's schema lacks; the reference server's request fails",
    "ids-byte-for-byte":
        "the id of a request and of a monitor comes back as the client wrote it; the reference server prints it"
        " anew, large numbers as others",
    "invalid-utf8":
        "RFC 7047 4 asks for UTF-8; the reference server echoes invalid bytes back, which no client can parse",
    "quiet-status":
        "how remotes do is written when it has changed; the reference server writes the seconds that have passed"
        " every 2.5 s, for everybody who monitors the row",
    "last-error-told":
        "a row says in status:last_error why its remote does not work, as its documentation has it;"
        " the reference server logs it",
    "listener-tells-more":
        "the status of a listener with a client is that of one of them, as its documentation has"
        " it; the reference server says nothing of it",
    "names-resolved":
        "a remote may be a name; the reference server wants an address",
    "rights-follow":
        "a row's new role or read_only ends the connections of its remote, so that nobody goes on"
        " with the former rights; the reference server's go on",
    "same-remote-once":
        "a remote that is an option too has the option's settings; with the reference server it depends",
    "rbac-key-with-colon":
        "\"column:key\" ends with the key, whatever is in it; for the reference server it is a word without colons that is not empty",
    "rbac-changes-nothing":
        "a mutate without mutations only counts rows and needs no permission; the reference server wants them to"
        " be the client's own rows",
    "rbac-own-rules":
        "a transaction runs under the rules that were committed before it; the reference server applies those it"
        " makes itself to its later operations",
    "log-escaped":
        "show-log escapes control characters in comments and names: what clients wrote cannot forge"
        " lines or drive a terminal; the reference server prints them as they are",
    "rbac-update-by-key":
        "\"column:key\" in a permission's \"update\" lets that key of a map be changed, as the document"
        " says; the reference server refuses every change of such a column",
}
