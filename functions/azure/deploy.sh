#!/usr/bin/env bash
# Deploys tradewind to Azure: one site, one container, one function app. See --help.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: functions/azure/deploy.sh --resource-group G --location L --site NAME --account A --container C --fleet URI [options]

Creates or updates what one Azure site needs: the queues, a function app with a storage account and an identity of its
own that has only the rights it needs, and the Event Grid subscription. Running it again changes nothing that is right. Log in with `az login` before.

  --resource-group G   resource group of the storage account, and of what is created
  --location L         region of the function app; take the account's
  --site NAME          the site's name in the fleet file
  --account A          the site's storage account; it must exist
  --container C        the site's container; it must exist
  --fleet URI          where the fleet file is, e.g. az://ACCOUNT/CONTAINER/tradewind.yaml
  --control C          the site's control container, in the same account (default: the container of --fleet)
  --control-prefix P   the site's control_prefix in the fleet file, the one thing there that the function may write;
                       the fleet file must not be under it (default: tradewind/)
  --name NAME          name of the function app, unique in the world (default: tradewind-SITE)
  --queue NAME         queue of the notifications (default: tradewind-notifications)
  --host-account A     storage account for the function app's own records; it must exist, and must not be the site's,
                       since the app owns all blobs there (default: one is made, called after the app, with "host")
  --vault NAME         key vault whose secrets the function may read
  --failover           this site is one of the fleet file's control.stores: let the app observe endpoints and answer
                       callers, too
  --traffic-profile ID resource id of the Traffic Manager profile whose endpoints the observer may weigh
  --switch-container C container, in the same account, of this site's object of the quorum switch
  --dry-run            print the commands, and run none
  -h, --help           this text

The dead letters go to the queue that the Functions host moves poison messages to: the queue's name with -poison.
USAGE
}

fail() {
  printf 'deploy.sh: %s\n' "$1" >&2
  exit 2
}

queue=tradewind-notifications control_prefix=tradewind/ dry_run=false failover=false
resource_group="" location="" site="" account="" container="" fleet="" control="" name="" host_account="" vault=""
traffic_profile="" switch_container=""
while (($#)); do
  case $1 in
    --dry-run) dry_run=true && shift && continue ;;
    --failover) failover=true && shift && continue ;;
    -h | --help) usage && exit 0 ;;
  esac
  (($# > 1)) || fail "$1 is unknown, or needs a value (see --help)"
  case $1 in
    --resource-group) resource_group=$2 ;;
    --location) location=$2 ;;
    --site) site=$2 ;;
    --account) account=$2 ;;
    --container) container=$2 ;;
    --fleet) fleet=$2 ;;
    --control) control=$2 ;;
    --control-prefix) control_prefix=$2 ;;
    --name) name=$2 ;;
    --queue) queue=$2 ;;
    --host-account) host_account=$2 ;;
    --vault) vault=$2 ;;
    --traffic-profile) traffic_profile=$2 ;;
    --switch-container) switch_container=$2 ;;
    *) fail "unknown option $1 (see --help)" ;;
  esac
  shift 2
done
for option in resource_group location site account container fleet; do
  [[ -n ${!option} ]] || fail "--${option/_/-} is missing (see --help)"
done
if [[ -z $control ]]; then
  [[ $fleet == az://"$account"/*/* ]] || fail "--control is missing: it cannot be taken from --fleet $fleet"
  control=${fleet#az://"$account"/} && control=${control%%/*}
fi
[[ $control != "$container" ]] || fail "the control container must be another one than the site's own"
[[ $control_prefix =~ ^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/$ ]] || fail "--control-prefix must be a folder, like tradewind/"
[[ $fleet != az://"$account/$control/$control_prefix"* ]] ||
  fail "the fleet file must not be under $control_prefix, where the function may write"
$failover || [[ -z $traffic_profile$switch_container ]] ||
  fail "--traffic-profile and --switch-container are for --failover"
name=${name:-tradewind-$site}
made_host=""
if [[ -z $host_account ]]; then # 3 to 24 small letters and digits, unique in the world like the app's name
  made_host=$(printf '%s' "$name" | tr '[:upper:]' '[:lower:]' | tr -cd 'a-z0-9' | cut -c 1-20)host
  host_account=$made_host
fi
[[ $host_account != "$account" ]] || fail "--host-account must be another one than the site's: the app owns its blobs"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Runs a command that changes something, or prints it.
run() {
  if $dry_run; then
    printf '%q ' "$@" && printf '\n'
  else
    "$@"
  fi
}

# Asks for a value that later commands need; a dry run shows the given stand-in instead.
ask() {
  local stand_in=$1
  shift
  if $dry_run; then printf '%s' "$stand_in"; else "$@"; fi
}

# Whether something is there already; in a dry run nothing is.
exists() {
  ! $dry_run && "$@" >/dev/null 2>&1
}

cloud() {
  run az "$@" --only-show-errors --output none
}

# Gives the app a role ($1) at a scope ($2), if need be under a condition ($3).
allow() {
  cloud role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
    --role "$1" --scope "$2" ${3:+--condition "$3" --condition-version 2.0}
}

# Whether a query finds something; in a dry run it finds nothing.
finds() {
  ! $dry_run && [[ -n $("$@" --output tsv) ]]
}

account_id=$(ask ACCOUNT_ID az storage account show --name "$account" --resource-group "$resource_group" \
  --query id --output tsv)

echo "# queues"
for each in "$queue" "$queue-poison"; do
  cloud storage queue create --name "$each" --account-name "$account" --auth-mode login
done

echo "# the account of the app's own records"
if [[ -n $made_host ]] &&
  ! exists az storage account show --name "$made_host" --resource-group "$resource_group"; then
  cloud storage account create --name "$made_host" --resource-group "$resource_group" --location "$location" \
    --sku Standard_LRS --kind StorageV2 --min-tls-version TLS1_2 --allow-blob-public-access false
fi
host_id=$(ask HOST_ACCOUNT_ID az storage account show --name "$host_account" --resource-group "$resource_group" \
  --query id --output tsv)

echo "# the function app, with an identity of its own"
exists az functionapp show --name "$name" --resource-group "$resource_group" ||
  cloud functionapp create --name "$name" --resource-group "$resource_group" --flexconsumption-location "$location" \
    --runtime python --runtime-version 3.13 --instance-memory 2048 --storage-account "$host_account" \
    --deployment-storage-auth-type SystemAssignedIdentity --assign-identity "[system]"
principal=$(ask PRINCIPAL_ID az functionapp identity show --name "$name" --resource-group "$resource_group" \
  --query principalId --output tsv)

echo "# what it may do"
data=$account_id/blobServices/default/containers/$container
allow "Storage Blob Data Contributor" "$data"
# No built-in role but the owner's has the rights to index tags.
blob=Microsoft.Storage/storageAccounts/blobServices/containers/blobs
tags_role="tradewind tags of $account"
finds az role definition list --name "$tags_role" --query "[].id" || cloud role definition create --role-definition \
  "$(printf '{"Name": "%s", "Description": "Read and write index tags", "Actions": [], "DataActions": ["%s", "%s"], "AssignableScopes": ["%s"]}' \
    "$tags_role" "$blob/tags/read" "$blob/tags/write" "${account_id%/providers/*}")"
allow "$tags_role" "$data"
# It reads the control container, and writes its own records there: who could write the fleet file could allow itself
# any target.
allow "Storage Blob Data Reader" "$account_id/blobServices/default/containers/$control"
changes=""
for action in write add/action move/action delete; do
  changes="${changes:+$changes AND }!(ActionMatches{'$blob/$action'})"
done
allow "Storage Blob Data Contributor" "$account_id/blobServices/default/containers/$control" \
  "(($changes) OR (@Resource[$blob:path] StringLike '$control_prefix*'))"
allow "Storage Queue Data Contributor" "$account_id/queueServices/default/queues/$queue"
allow "Storage Queue Data Contributor" "$account_id/queueServices/default/queues/$queue-poison"
allow "Storage Blob Data Owner" "$host_id"
if [[ -n $vault ]]; then
  vault_id=$(ask VAULT_ID az keyvault show --name "$vault" --query id --output tsv)
  allow "Key Vault Secrets User" "$vault_id"
fi
[[ -z $traffic_profile ]] || allow "Traffic Manager Contributor" "$traffic_profile"
[[ -z $switch_container ]] ||
  allow "Storage Blob Data Contributor" "$account_id/blobServices/default/containers/$switch_container"

echo "# its settings: identities, no keys; what has nothing to do here is not called"
disabled=true
if $failover; then disabled=false; fi
cloud functionapp config appsettings set --name "$name" --resource-group "$resource_group" --settings \
  "TRADEWIND_FLEET=$fleet" "TRADEWIND_SITE=$site" "TRADEWIND_QUEUE=$queue" \
  "TRADEWIND_STORAGE__queueServiceUri=https://$account.queue.core.windows.net" \
  "TRADEWIND_STORAGE__credential=managedidentity" "AzureWebJobsStorage__accountName=$host_account" \
  "AzureWebJobs.observe.Disabled=$disabled" "AzureWebJobs.route.Disabled=$disabled"
cloud functionapp config appsettings delete --name "$name" --resource-group "$resource_group" \
  --setting-names AzureWebJobsStorage # a connection string with a key, which `functionapp create` left there

echo "# its code"
run make --directory "$root" package-azure
run rm -f "$root/build/package/azure.zip"
run sh -c "cd '$root/build/package/azure' && python3 -m zipfile -c ../azure.zip ./*"
cloud functionapp deployment source config-zip --name "$name" --resource-group "$resource_group" \
  --src "$root/build/package/azure.zip" --build-remote true

echo "# the container announces its changes, last, when all that hears them is there"
blobs=/blobServices/default/containers/$container/blobs/
cloud eventgrid event-subscription create --name "$name" --source-resource-id "$account_id" \
  --endpoint-type storagequeue --endpoint "$account_id/queueservices/default/queues/$queue" \
  --storage-queue-msg-ttl -1 --event-delivery-schema eventgridschema \
  --included-event-types Microsoft.Storage.BlobCreated Microsoft.Storage.BlobDeleted Microsoft.Storage.BlobRenamed \
  --subject-begins-with "$blobs" --subject-case-sensitive true \
  --advanced-filter subject StringNotBeginsWith "$blobs.tradewind/" \
  --event-ttl 1440 --max-delivery-attempts 30 \
  --deadletter-endpoint "$account_id/blobServices/default/containers/$control"

printf '\n# In the fleet file, site %s: queues: {notifications: %s, dead_letters: %s-poison}\n' "$site" "$queue" "$queue"
