# A real Rails that does what the test says.
#
# Each line of stdin is a JSON object {"do": name, ...}; the answer is one line of
# JSON. Sessions are written and read by ActionDispatch's own middleware.
require ENV.fetch("APP")
require "rack/mock"

class Commands
  def version(*)
    { rails: Rails.version, devise: Gem.loaded_specs["devise"]&.version.to_s }
  end

  def user(command)
    { id: User.create!(email: command["email"], password: "password").id }
  end

  def change(command)
    user = User.find(command["id"])
    command["delete"] ? user.destroy! : user.update!(command["set"])
    {}
  end

  # seal answers the cookies of sessions; login adds Devise's key of a user.
  def seal(command)
    login = command["login"] && { "warden.user.user.key" => User.serialize_into_session(User.find(command["login"])) }
    { cookies: command["sessions"].map { |data| set_cookie(data.merge(login || {})) } }
  end

  # read answers the sessions that Rails sees in Cookie headers.
  def read(command)
    { sessions: command["headers"].map { |header| read_one(header) } }
  end

  # sign answers signed cookies, as cookies.signed.permanent[name] = value does.
  def sign(command)
    jar = request(nil).cookie_jar
    jar.signed.permanent[command["name"]] = { value: command["value"], httponly: true, same_site: :lax }
    { cookie: header_of(jar)[/=([^;]*)/, 1] }
  end

  def signed(command)
    { value: request(command["header"]).cookie_jar.signed[command["name"]] }
  end

  def record(command)
    { id: SessionRecord.create!(user_id: command["user"]).id }
  end

  def who(command)
    status, _, body = Rails.application.call(env("/who", command["header"]))
    text = +""
    body.each { |part| text << part }
    body.close if body.respond_to?(:close)
    status == 200 ? { status: status, id: JSON.parse(text)["user"] } : { status: status }
  end

  private

  def env(path, header)
    env = Rack::MockRequest.env_for(path)
    env["HTTP_COOKIE"] = header if header
    env
  end

  def request(header)
    ActionDispatch::Request.new(Rails.application.env_config.merge(env("/", header)))
  end

  def header_of(jar)
    headers = {}
    jar.write(headers)
    Array(headers["Set-Cookie"]).first
  end

  # through calls a block with the session, inside the application's own store.
  def through(header, &block)
    endpoint = lambda do |env|
      block.call(env["rack.session"])
      [200, {}, []]
    end
    store = Rails.application.config.session_store.new(endpoint, Rails.application.config.session_options.dup)
    ActionDispatch::Cookies.new(store).call(request(header).env)
  end

  def set_cookie(data)
    _, headers, = through(nil) { |session| session.update(data) }
    headers["Set-Cookie"][/=([^;]*)/, 1]
  end

  def read_one(header)
    found = nil
    through(header) { |session| found = session.to_hash }
    { session: found.empty? ? nil : found }
  rescue StandardError => e
    { error: e.class.name }
  end
end

commands = Commands.new
$stdin.each_line do |line|
  command = JSON.parse(line)
  answer = begin
    commands.public_send(command["do"], command)
  rescue StandardError => e
    { error: "#{e.class}: #{e.message} #{e.backtrace.first(3)}" }
  end
  $stdout.puts(JSON.generate(answer))
  $stdout.flush
end
