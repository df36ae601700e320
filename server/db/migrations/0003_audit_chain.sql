-- The audit log as a chain: every entry is numbered and holds a hash over itself and the hash of the one before.

alter table audit add column number bigint;
alter table audit add column hash text;
create unique index audit_by_number on audit (number);

-- One row: the last entry. Whoever adds one holds it until they have committed.
create table audit_head (
    id bigint not null primary key,
    number bigint not null,
    hash text not null
);
insert into audit_head (id, number, hash) values (1, 0, '');
