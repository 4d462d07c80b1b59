-- Keeps an issuer's own rules as a new version, unless they are what they were: CREATED or SAME.
create or replace function dunning_policy_put(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_last dunning_policy;
begin
  perform pg_advisory_xact_lock(hashtextextended(r ->> 'issuerId', 10));
  select * into v_last from dunning_policy where issuer_id = r ->> 'issuerId' order by version desc limit 1;
  if v_last.request_hash = r ->> 'requestHash' then
    return json_build_object('result', 'SAME', 'policy', v_last.policy);
  end if;
  insert into dunning_policy (issuer_id, version, policy, request_hash, created_at)
  select r ->> 'issuerId', n, r -> 'policy' || jsonb_build_object('version', 'v' || n), r ->> 'requestHash', (r ->> 'at')::timestamptz
    from (select coalesce(v_last.version, 0) + 1 as n) next
  returning * into v_last;
  return json_build_object('result', 'CREATED', 'policy', v_last.policy);
end $$;

-- Moves an open debt to a version of its issuer's rules: DONE, SAME, CLOSED, or UNKNOWN where there is no such debt or version.
create or replace function debt_adopt_policy(r jsonb) returns text language plpgsql set enable_seqscan = off as $$
declare
  v_debt debt;
  v_policy json;
begin
  perform debt_lock(r ->> 'issuerId', r ->> 'debtId');
  select * into v_debt from debt where issuer_id = r ->> 'issuerId' and debt_id = r ->> 'debtId';
  select policy into v_policy from dunning_policy where issuer_id = r ->> 'issuerId' and 'v' || version = r ->> 'version';
  if v_debt.debt_id is null or v_policy is null then
    return 'UNKNOWN';
  elsif v_debt.closed_at is not null then
    return 'CLOSED';
  elsif v_debt.policy_version = r ->> 'version' then
    return 'SAME';
  end if;
  update debt
     set policy = v_policy, policy_version = r ->> 'version',
         -- The new rules may have fewer stages.
         last_stage = least(last_stage, json_array_length(v_policy -> 'stages') - 1)
   where issuer_id = v_debt.issuer_id and debt_id = v_debt.debt_id;
  perform debt_log_add(v_debt, 'POLICY', r ->> 'actor',
    json_build_object('from', v_debt.policy_version, 'to', r ->> 'version'), (r ->> 'at')::timestamptz);
  return 'DONE';
end $$;
