#!/usr/bin/env bash
# Deploys tradewind to Google Cloud: one site, one bucket, its Cloud Run functions. See --help.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: serverless-gcp/deploy.sh --project ID --region REGION --site NAME --bucket NAME --fleet URI [options]

Creates or updates what one Google Cloud site needs: the topics, the subscriptions, the bucket's notification, service
accounts with only the rights that they need, the functions, and the timers of some of them. Running it again changes
nothing that is right.

  --project ID        project of the site
  --region REGION     region of the function; take the bucket's
  --site NAME         the site's name in the fleet file
  --bucket NAME       the site's bucket; it must exist
  --fleet URI         where the fleet file is, e.g. gs://BUCKET/tradewind.yaml
  --control-bucket B  the site's control bucket (default: the bucket of --fleet)
  --control-prefix P  the site's control_prefix in the fleet file, the one thing there that the function may write;
                      the fleet file must not be under it (default: tradewind/)
  --name NAME         prefix of everything that is created (default: tradewind)
  --topic ID          topic and subscription of the notifications (default: NAME-notifications)
  --dead-letters ID   topic and subscription of the dead letters (default: NAME-dead-letters)
  --secret ID         secret in Secret Manager that the function may read; repeat it for several
  --memory SIZE       memory of an instance (default: 1Gi)
  --concurrency N     objects that one instance works on at once, up to 64 MiB each (default: 4)
  --max-instances N   instances at once (default: 50)
  --failover          this site is one of the fleet file's control.stores: deploy what observes endpoints and what
                      answers callers, too
  --notices ID        topic that the observer may tell that traffic was moved
  --switch-bucket B   bucket of this site's object of the quorum switch, which the observer may write
  --route-invoker M   who may ask which endpoint serves best, e.g. serviceAccount:app@ID.iam.gserviceaccount.com;
                      repeat it for several
  --dry-run           print the commands, and run none
  -h, --help          this text
USAGE
}

fail() {
  printf 'deploy.sh: %s\n' "$1" >&2
  exit 2
}

name=tradewind memory=1Gi concurrency=4 max_instances=50 dry_run=false failover=false
control_prefix=tradewind/ project="" region="" site="" bucket="" fleet="" control_bucket="" topic="" dead_letters=""
secrets="" notices="" switch_bucket="" route_invokers=""
while (($#)); do
  case $1 in
    --dry-run) dry_run=true && shift && continue ;;
    --failover) failover=true && shift && continue ;;
    -h | --help) usage && exit 0 ;;
  esac
  (($# > 1)) || fail "$1 is unknown, or needs a value (see --help)"
  case $1 in
    --project) project=$2 ;;
    --region) region=$2 ;;
    --site) site=$2 ;;
    --bucket) bucket=$2 ;;
    --fleet) fleet=$2 ;;
    --control-bucket) control_bucket=$2 ;;
    --control-prefix) control_prefix=$2 ;;
    --name) name=$2 ;;
    --topic) topic=$2 ;;
    --dead-letters) dead_letters=$2 ;;
    --secret) secrets="$secrets $2" ;;
    --memory) memory=$2 ;;
    --concurrency) concurrency=$2 ;;
    --max-instances) max_instances=$2 ;;
    --notices) notices=$2 ;;
    --switch-bucket) switch_bucket=$2 ;;
    --route-invoker) route_invokers="$route_invokers $2" ;;
    *) fail "unknown option $1 (see --help)" ;;
  esac
  shift 2
done
for option in project region site bucket fleet; do
  [[ -n ${!option} ]] || fail "--$option is missing (see --help)"
done
if [[ -z $control_bucket ]]; then
  [[ $fleet == gs://*/* ]] || fail "--control-bucket is missing: it cannot be taken from --fleet $fleet"
  control_bucket=${fleet#gs://} && control_bucket=${control_bucket%%/*}
fi
[[ $control_bucket != "$bucket" ]] || fail "the control bucket must be another bucket than the site's own"
[[ $control_prefix =~ ^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/$ ]] || fail "--control-prefix must be a folder, like tradewind/"
[[ $fleet != gs://"$control_bucket/$control_prefix"* ]] ||
  fail "the fleet file must not be under $control_prefix, where the function may write"
$failover || [[ -z $notices$switch_bucket$route_invokers ]] ||
  fail "--notices, --switch-bucket and --route-invoker are for --failover"
topic=${topic:-$name-notifications}
dead_letters=${dead_letters:-$name-dead-letters}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
service=$name-replicate
function_account=$name-replicate@$project.iam.gserviceaccount.com
push_account=$name-push@$project.iam.gserviceaccount.com

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
  run gcloud --project "$project" --quiet "$@"
}

# Makes service accounts, unless they are there.
identities() {
  for account in "$@"; do
    exists gcloud iam service-accounts describe "$account@$project.iam.gserviceaccount.com" --project "$project" ||
      cloud iam service-accounts create "$account"
  done
}

# Lets an account ($1) read a secret ($2).
secret() {
  cloud secrets add-iam-policy-binding "$2" --member "serviceAccount:$1" --role roles/secretmanager.secretAccessor
}

# Lets an account ($1) read the control bucket.
reads_control() {
  cloud storage buckets add-iam-policy-binding "gs://$control_bucket" \
    --member "serviceAccount:$1" --role roles/storage.objectViewer --condition=None
}

# Lets an account ($1) write tradewind's records there, and nothing else: who could write the fleet file could allow
# itself any target. (A bucket's conditions need uniform bucket-level access.)
writes_records() {
  cloud storage buckets add-iam-policy-binding "gs://$control_bucket" \
    --member "serviceAccount:$1" --role roles/storage.objectUser \
    --condition "expression=resource.name.startsWith(\"projects/_/buckets/$control_bucket/objects/$control_prefix\"),title=tradewind-records"
}

# Lets Cloud Scheduler ring at a service ($1) every minute, and wait for so long ($2). No retry: the next ring is a minute
# away, and goes on where this one stopped.
timer() {
  local url job verb=create
  url=$(ask "$(tr 'a-z-' 'A-Z_' <<<"${1#"$name-"}")_URL" gcloud run services describe "$1" --project "$project" \
    --region "$region" --format "value(status.url)")
  job=(
    "$1" --location "$region" --schedule "* * * * *" --uri "$url" --http-method POST
    --oidc-service-account-email "$push_account" --oidc-token-audience "$url" --attempt-deadline "$2"
    --max-retry-attempts 0
  )
  if exists gcloud scheduler jobs describe "$1" --project "$project" --location "$region"; then verb=update; fi
  cloud scheduler jobs "$verb" http "${job[@]}"
}

filters() {
  test -n "$(gcloud pubsub subscriptions describe "$topic" --project "$project" --format "value(filter)")"
}

announces() {
  ! $dry_run && gcloud storage buckets notifications list "gs://$bucket" --project "$project" |
    grep -E "/topics/$topic([^A-Za-z0-9._~%+-]|\$)" >/dev/null
}

number=$(ask PROJECT_NUMBER gcloud projects describe "$project" --format "value(projectNumber)")
pubsub_agent=service-$number@gcp-sa-pubsub.iam.gserviceaccount.com
storage_agent=$(ask STORAGE_AGENT gcloud storage service-agent --project "$project")

echo "# services"
cloud services enable artifactregistry.googleapis.com cloudbuild.googleapis.com cloudscheduler.googleapis.com \
  pubsub.googleapis.com run.googleapis.com secretmanager.googleapis.com storage.googleapis.com

echo "# identities"
identities "$name-replicate" "$name-push"

echo "# topics, and the pull subscription that keeps the dead letters"
for id in "$topic" "$dead_letters"; do
  exists gcloud pubsub topics describe "$id" --project "$project" || cloud pubsub topics create "$id"
done
exists gcloud pubsub subscriptions describe "$dead_letters" --project "$project" ||
  cloud pubsub subscriptions create "$dead_letters" --topic "$dead_letters" \
    --message-retention-duration 31d --expiration-period never --ack-deadline 60

echo "# what the function may do"
cloud storage buckets add-iam-policy-binding "gs://$bucket" \
  --member "serviceAccount:$function_account" --role roles/storage.objectUser
reads_control "$function_account"
writes_records "$function_account"
for id in "$topic" "$dead_letters"; do # the former for its own requests to look at keys
  cloud pubsub topics add-iam-policy-binding "$id" \
    --member "serviceAccount:$function_account" --role roles/pubsub.publisher
done
for each in $secrets; do
  secret "$function_account" "$each"
done

echo "# the function"
run make --directory "$root" package-gcp
cloud run deploy "$service" --source "$root/build/package/gcp" --function replicate --base-image python313 \
  --region "$region" --service-account "$function_account" --no-allow-unauthenticated --ingress internal \
  --memory "$memory" --cpu 1 --concurrency "$concurrency" --max-instances "$max_instances" --timeout 300 \
  --set-env-vars "TRADEWIND_FLEET=$fleet,TRADEWIND_SITE=$site"
cloud run services add-iam-policy-binding "$service" --region "$region" \
  --member "serviceAccount:$push_account" --role roles/run.invoker
url=$(ask FUNCTION_URL gcloud run services describe "$service" --project "$project" --region "$region" \
  --format "value(status.url)")

echo "# the timer, and what it calls: the same code and the same identity, another target"
cloud run deploy "$name-sweep" --source "$root/build/package/gcp" --function sweep --base-image python313 \
  --region "$region" --service-account "$function_account" --no-allow-unauthenticated --ingress internal \
  --memory 1Gi --cpu 1 --concurrency 1 --max-instances 1 --timeout 300 \
  --set-env-vars "TRADEWIND_FLEET=$fleet,TRADEWIND_SITE=$site"
cloud run services add-iam-policy-binding "$name-sweep" --region "$region" \
  --member "serviceAccount:$push_account" --role roles/run.invoker
timer "$name-sweep" 320s

if $failover; then
  observe_account=$name-observe@$project.iam.gserviceaccount.com
  route_account=$name-route@$project.iam.gserviceaccount.com

  echo "# failover: identities that have nothing to do with the data bucket"
  identities "$name-observe" "$name-route"
  reads_control "$observe_account"
  reads_control "$route_account"
  writes_records "$observe_account"
  for each in $secrets; do
    secret "$observe_account" "$each"
    secret "$route_account" "$each"
  done
  [[ -z $notices ]] || cloud pubsub topics add-iam-policy-binding "$notices" \
    --member "serviceAccount:$observe_account" --role roles/pubsub.publisher
  [[ -z $switch_bucket ]] || cloud storage buckets add-iam-policy-binding "gs://$switch_bucket" \
    --member "serviceAccount:$observe_account" --role roles/storage.objectUser --condition=None

  echo "# failover: the observer, and its timer"
  cloud run deploy "$name-observe" --source "$root/build/package/gcp" --function observe --base-image python313 \
    --region "$region" --service-account "$observe_account" --no-allow-unauthenticated --ingress internal \
    --memory 512Mi --cpu 0.5 --concurrency 1 --max-instances 2 --timeout 120 \
    --set-env-vars "TRADEWIND_FLEET=$fleet,TRADEWIND_SITE=$site"
  cloud run services add-iam-policy-binding "$name-observe" --region "$region" \
    --member "serviceAccount:$push_account" --role roles/run.invoker
  timer "$name-observe" 130s

  echo "# failover: what answers callers"
  cloud run deploy "$name-route" --source "$root/build/package/gcp" --function route --base-image python313 \
    --region "$region" --service-account "$route_account" --no-allow-unauthenticated --ingress all \
    --memory 512Mi --cpu 1 --concurrency 80 --max-instances "$max_instances" --timeout 15 \
    --set-env-vars "TRADEWIND_FLEET=$fleet,TRADEWIND_SITE=$site"
  for each in $route_invokers; do
    cloud run services add-iam-policy-binding "$name-route" --region "$region" --member "$each" --role roles/run.invoker
  done
fi

echo "# delivery: pushed as the push account, retried for hours, then kept among the dead letters"
subscription=(
  --push-endpoint "$url" --push-auth-service-account "$push_account" --ack-deadline 600
  --min-retry-delay 10s --max-retry-delay 600s --message-retention-duration 31d --expiration-period never
  --dead-letter-topic "$dead_letters" --max-delivery-attempts 50
)
# Parts of large objects are objects, and announce nothing to the function. Its own requests have no `objectId`; what a
# negation says of those is not left to guesses.
filter='NOT attributes:objectId OR NOT hasPrefix(attributes.objectId, ".tradewind/")'
if exists gcloud pubsub subscriptions describe "$topic" --project "$project"; then
  cloud pubsub subscriptions update "$topic" "${subscription[@]}"
  filters || printf '\n# The subscription %s is from before it had a filter: see docs/deploying/gcp.md\n' "$topic"
else # Pub/Sub changes no filter later
  cloud pubsub subscriptions create "$topic" --topic "$topic" "${subscription[@]}" --message-filter "$filter"
fi
cloud pubsub topics add-iam-policy-binding "$dead_letters" \
  --member "serviceAccount:$pubsub_agent" --role roles/pubsub.publisher
cloud pubsub subscriptions add-iam-policy-binding "$topic" \
  --member "serviceAccount:$pubsub_agent" --role roles/pubsub.subscriber
cloud iam service-accounts add-iam-policy-binding "$push_account" \
  --member "serviceAccount:$pubsub_agent" --role roles/iam.serviceAccountTokenCreator

echo "# the bucket announces its changes, last, when all that hears them is there"
cloud pubsub topics add-iam-policy-binding "$topic" \
  --member "serviceAccount:$storage_agent" --role roles/pubsub.publisher
if ! announces; then
  cloud storage buckets notifications create "gs://$bucket" --topic "projects/$project/topics/$topic" \
    --event-types OBJECT_FINALIZE,OBJECT_DELETE,OBJECT_ARCHIVE,OBJECT_METADATA_UPDATE --payload-format json
fi

printf '\n# In the fleet file, site %s: queues: {notifications: %s, dead_letters: %s}\n' "$site" "$topic" "$dead_letters"
