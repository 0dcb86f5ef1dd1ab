# A small real Rails monolith in one file: users in SQLite, Devise's own login
# form, and a page that says who is signed in.
#
#   SECRET_KEY_BASE=secret RAILS_DB=rails.sqlite3 ruby app.rb 127.0.0.1:3000
#
# alice@example.com and bob@example.com sign in with "password". GET / is a page
# with a form to sign out, GET /who its text for tests. SETTINGS is a JSON object
# that changes the standard settings below.
require "json"
require "logger"

SETTINGS = {
  "hash" => "SHA1",       # of the key derivation; SHA256 since load_defaults 7.0
  "gcm" => true,          # else AES-256-CBC, as before Rails 5.2
  "serializer" => "json", # or hybrid, marshal
  "metadata" => true,     # the envelope with purpose and expiry
  "expire_after" => nil,  # seconds
  "redis" => nil,         # its URL with a namespace: sessions are there, as JSON unless redis_marshal
  "redis_marshal" => false,
  "timeout_in" => nil,    # seconds, of Devise's timeoutable
}.merge(JSON.parse(ENV.fetch("SETTINGS", "{}")))

ENV["RAILS_ENV"] = "production"
ENV["DATABASE_URL"] = "sqlite3:#{ENV.fetch("RAILS_DB")}"

require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "action_view/railtie"
require "devise"
require "devise/orm/active_record"
require "redis-actionpack" if SETTINGS["redis"]

# redis-store asks for it, and Debian has a version of it that Rails 6.1 is too old for.
ActionDispatch::Request::Session::Options.class_eval { def key?(key) = @delegate.key?(key) }

# What ActiveSupport::KeyGenerator of Rails 7 does with its hash_digest_class.
class SHA256Keys
  def initialize(secret)
    @secret = secret
  end

  def generate_key(salt, size = 64)
    OpenSSL::PKCS5.pbkdf2_hmac(@secret, salt, 1000, size, OpenSSL::Digest.new("SHA256"))
  end
end

class Monolith < Rails::Application
  config.load_defaults 6.1
  config.root = __dir__
  config.eager_load = false
  config.consider_all_requests_local = false
  config.hosts.clear
  config.secret_key_base = ENV.fetch("SECRET_KEY_BASE")
  config.logger = Logger.new($stderr)
  config.log_level = :warn
  config.action_dispatch.cookies_serializer = SETTINGS["serializer"].to_sym
  config.action_dispatch.use_authenticated_cookie_encryption = SETTINGS["gcm"]
  config.action_dispatch.use_cookies_with_metadata = SETTINGS["metadata"]
  options = { key: "_monolith_session", expire_after: SETTINGS["expire_after"] }
  if SETTINGS["redis"]
    uri = URI(SETTINGS["redis"])
    _, db, namespace = uri.path.split("/")
    server = { host: uri.host, port: uri.port, db: db.to_i, namespace: namespace, serializer: SETTINGS["redis_marshal"] ? Marshal : JSON }
    config.session_store :redis_store, **options, servers: [server]
  else
    config.session_store :cookie_store, **options
  end

  def key_generator
    SETTINGS["hash"] == "SHA256" ? @sha256_keys ||= SHA256Keys.new(secret_key_base) : super
  end
end

Devise.setup do |config|
  config.stretches = 4
  config.sign_out_via = %i[get post delete]
  config.timeout_in = SETTINGS["timeout_in"]&.seconds
  config.secret_key = "devise" # for tokens in mails
end

class User < ActiveRecord::Base
  devise :database_authenticatable, *(:timeoutable if SETTINGS["timeout_in"])
end

# What Rails 8's generator makes beside app/models/session.rb.
class SessionRecord < ActiveRecord::Base
  self.table_name = "sessions"
end

# Before the application starts: that is when Devise looks for its users.
Monolith.routes.prepend do
  devise_for :users
  root to: "application#page"
  get "who", to: "application#who"
end

Monolith.initialize!

class ApplicationController < ActionController::Base
  protect_from_forgery with: :exception

  def page
    who = current_user ? "signed in as #{current_user.email} (#{current_user.id})" : "nobody is signed in"
    render html: helpers.safe_join([helpers.tag.p(who), helpers.button_to("Log out", "/users/sign_out", method: :post)])
  end

  def who
    render json: { by: "rails", user: current_user&.id }
  end
end

ActiveRecord::Schema.verbose = false
unless ActiveRecord::Base.connection.table_exists?("users")
  ActiveRecord::Schema.define do
    create_table(:users) do |t|
      t.string :email, null: false
      t.string :encrypted_password
      t.boolean :admin, null: false, default: false
      t.datetime :locked_at
    end
    create_table(:sessions) { |t| t.integer :user_id }
  end
end
%w[alice bob].each { |name| User.find_or_create_by!(email: "#{name}@example.com") { |user| user.password = "password" } }

if $PROGRAM_NAME == __FILE__
  require "puma"
  require "puma/server"
  host, port = ARGV.fetch(0).split(":")
  server = Puma::Server.new(Rails.application)
  server.add_tcp_listener(host, port.to_i)
  %w[TERM INT].each { |signal| trap(signal) { server.stop } }
  server.run.join
end
